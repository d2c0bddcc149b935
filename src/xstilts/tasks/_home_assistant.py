"""Voice commands, expanded from Home Assistant's volunteer-written templates.

`intent`, `slots` and `paraphrase` use the same commands and share one split of the templates.
"""

import hashlib
import json
import random
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.intents import IntentData, Intents, RangeSlotList, SlotList, TextSlotList
from hassil.parse_expression import parse_sentence
from hassil.util import normalize_whitespace

from xstilts.cache.sources import Library, Wheel
from xstilts.config.splits import assign
from xstilts.tasks.task import Paths

WHEEL = Wheel(
    package="home-assistant-intents",
    version="2026.10.27",
    sha256="256eb1e4fc6e6f4943d0ba4e089c9639d74d0e9d62ccddeb7148bc168de55e40",
    size_mb=0.8,
)
SOURCES = (WHEEL, Library.installed("hassil"))
FAMILY = "home-assistant/74"
"""The salt of the split: the first number for which every English intent has a training template."""
FRACTIONS = {"train": 0.6, "dev": 0.1, "test": 0.3}
LICENCE = "Apache-2.0"
CITATION = "Home Assistant Intents, the authors of home-assistant/intents, version 2026.10.27"
URL = "https://github.com/home-assistant/intents"
WEAKNESSES = (
    "one narrow domain: smart-home commands",
    "templates are expanded automatically, so some sentences are unnatural or ungrammatical",
    "written by volunteers: languages differ in templates and intents; only the classes that occur are scored",
)
SENTENCES = 4
"""The maximum number of sentences sampled from a template."""

_ATTEMPTS = 20
_SLOT = re.compile(r"\{@?([^:{}]+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a command: literal text, or (with `slot`) the words that fill a slot with `value`."""

    text: str
    slot: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A sentence sampled from a template.

    `template` is equal for equal templates (German and Swiss German share many). `combination` names the slots of this
    kind of command, `fixed` the slot values implied by the template, and `meaning` everything but the wording that
    distinguishes templates of one intent.
    """

    id: str
    template: str
    intent: str
    combination: str
    fixed: str
    meaning: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((piece.slot, piece.value) for piece in self.pieces if piece.slot))


def commands(paths: Paths, language: str) -> Iterator[Command]:
    """The distinct commands of a language, up to `SENTENCES` per template whose slots can all be filled.

    Slot values depend on the meaning of a template, not on its wording, so the n-th sentences of templates with the
    same meaning have the same values.
    """
    intents = _intents(paths[WHEEL.package], language)
    sentences: set[str] = set()
    for intent, data, template in _templates(intents):
        info = _TemplateInfo.of(intent, data, template)
        for number in range(SENTENCES):
            pieces = _sample(_Filler(intents, info, number), template.expression, sentences)
            if pieces:
                sentences.add(_folded(pieces))
                yield info.command(number, pieces)


def split_of(command: Command) -> str:
    """The split of a command's template, in all three tasks."""
    return assign(command.template, FRACTIONS, FAMILY)


def _sample(filler: "_Filler", expression: Expression, sentences: set[str]) -> tuple[Piece, ...]:
    """A sentence that is not among `sentences`; empty if no attempt gives one."""
    for attempt in range(_ATTEMPTS):
        pieces = _normalise_spaces(filler.expand(expression, filler.rng(attempt)))
        if pieces and _folded(pieces) not in sentences:
            return pieces
    return ()


def _folded(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces).casefold()


def _intents(wheel: Path, language: str) -> Intents:
    with zipfile.ZipFile(wheel) as archive:
        content: dict[str, Any] = json.loads(archive.read(f"home_assistant_intents/data/{language}.json"))
    return Intents.from_dict(content)


def _templates(intents: Intents) -> Iterator[tuple[str, IntentData, Sentence]]:
    """The templates that can be filled. Most cannot, which is checked before parsing, the slow part."""
    rules, lists = intents.expansion_rules, intents.slot_lists
    for name, intent in intents.intents.items():
        for data in intent.data:
            for text in data.sentence_texts:
                if all(_fillable(lists, slot) for slot in _SLOT.findall(text)):
                    template = parse_sentence(text, keep_text=True)
                    if all(_fillable(lists, slot) for slot in template.list_names(rules)):
                        yield name, data, template


def _fillable(lists: Mapping[str, SlotList], name: str) -> bool:
    """Whether the values of a slot are listed. Areas, floors and device names depend on the house; wildcards are
    open."""
    return isinstance(lists.get(name), TextSlotList | RangeSlotList)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TemplateInfo:
    """The properties shared by all commands of one template."""

    template: str
    intent: str
    combination: str
    fixed: str
    meaning: str

    @classmethod
    def of(cls, intent: str, data: IntentData, template: Sentence) -> "_TemplateInfo":
        digest = hashlib.sha256((template.text or "").encode()).hexdigest()
        combination = str((data.metadata or {}).get("slot_combination", ""))
        fixed = json.dumps(data.slots, sort_keys=True)
        return cls(
            template=f"{intent}/{digest[:12]}",
            intent=intent,
            combination=combination,
            fixed=fixed,
            meaning=json.dumps([combination, fixed, data.response, data.requires_context], sort_keys=True),
        )

    def command(self, number: int, pieces: tuple[Piece, ...]) -> Command:
        return Command(
            id=f"{self.template}#{number}",
            template=self.template,
            intent=self.intent,
            combination=self.combination,
            fixed=self.fixed,
            meaning=self.meaning,
            pieces=pieces,
        )


class _Filler:
    """Expands the n-th sentence of a template with seeded random choices."""

    def __init__(self, intents: Intents, info: _TemplateInfo, number: int) -> None:
        self._rules = intents.expansion_rules
        self._lists = intents.slot_lists
        self._info = info
        self._number = number

    def rng(self, attempt: int) -> random.Random:
        return random.Random(f"{self._info.template}|{self._number}|{attempt}")

    def expand(self, expression: Expression, rng: random.Random) -> list[Piece]:
        match expression:
            case TextChunk():
                return [Piece(expression.original_text)]
            case ListReference():
                return [self._fill(expression, rng)]
            case RuleReference():
                return self.expand(self._rules[expression.rule_name].expression, rng)
            case Alternative():
                return self.expand(rng.choice(expression.items), rng)
            case Group():
                items = list(expression.items)
                if isinstance(expression, Permutation):
                    rng.shuffle(items)
                return [piece for item in items for piece in self.expand(item, rng)]
            case _:
                raise TypeError(f"unknown element in a template: {type(expression).__name__}")

    def _fill(self, reference: ListReference, rng: random.Random) -> Piece:
        info, values = self._info, self._lists[reference.list_name]
        value_rng = random.Random("|".join((info.combination, info.fixed, reference.slot_name, reference.list_name)))
        if isinstance(values, RangeSlotList):
            numbers = range(values.start, values.stop + 1, values.step)
            sample = value_rng.sample(numbers, min(SENTENCES, len(numbers)))
            number = sample[self._number % len(sample)]
            return Piece(str(number), reference.slot_name, str(number))
        assert isinstance(values, TextSlotList)
        outcomes = sorted({str(value.value_out) for value in values.values})
        value_rng.shuffle(outcomes)
        outcome = outcomes[self._number % len(outcomes)]
        wording = rng.choice([value.text_in for value in values.values if str(value.value_out) == outcome])
        text = "".join(piece.text for piece in self.expand(wording, rng))
        return Piece(normalize_whitespace(text).strip(), reference.slot_name, outcome)


def _normalise_spaces(pieces: list[Piece]) -> tuple[Piece, ...]:
    """The pieces with single spaces between words and none at the ends."""
    normalised: list[Piece] = []
    for piece in pieces:
        text = normalize_whitespace(piece.text)
        if not normalised or normalised[-1].text.endswith(" "):
            text = text.lstrip()
        if text:
            normalised.append(Piece(text, piece.slot, piece.value))
    while normalised and not normalised[-1].text.rstrip():
        normalised.pop()
    if normalised:
        last = normalised.pop()
        normalised.append(Piece(last.text.rstrip(), last.slot, last.value))
    return tuple(normalised)
