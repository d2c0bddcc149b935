"""Whether two voice commands mean the same.

Both have the same slot combination. A paraphrase has the same intent and slot values but comes from another template; a
non-paraphrase has the opposite intent, or the same intent with another value.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from xstilts.problems import Labelled
from xstilts.tasks import _home_assistant as home
from xstilts.tasks.task import Paths, Task, measured_sizes

PER_TEMPLATE = 2
SAME, DIFFERENT = "paraphrase", "different"

_OPPOSITES = (
    ("HassTurnOn", "HassTurnOff"),
    ("HassIncreaseTimer", "HassDecreaseTimer"),
    ("HassPauseTimer", "HassUnpauseTimer"),
    ("HassStartTimer", "HassCancelTimer"),
    ("HassMediaPause", "HassMediaUnpause"),
    ("HassMediaNext", "HassMediaPrevious"),
    ("HassMediaPlayerMute", "HassMediaPlayerUnmute"),
    ("HassLawnMowerStartMowing", "HassLawnMowerDock"),
    ("HassVacuumStart", "HassVacuumReturnToBase"),
    ("HassOpenCover", "HassCloseCover"),
)
OPPOSITE = {intent: other for pair in _OPPOSITES for intent, other in (pair, pair[::-1])}


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Labelled]]:
    return {"all": _distinct(pairs(home.commands(paths, language), language))}


def _distinct(pairs: Iterable[Labelled]) -> Iterator[Labelled]:
    """The pairs without duplicates, ignoring the order of the two sentences."""
    yielded: set[frozenset[str | None]] = set()
    for pair in pairs:
        texts = frozenset((pair.text, pair.pair))
        if texts not in yielded:
            yielded.add(texts)
            yield pair


def pairs(commands: Iterable[home.Command], language: str) -> Iterator[Labelled]:
    """Up to `PER_TEMPLATE` paraphrases per template, and one non-paraphrase for each of them.

    Both sentences of a pair are of one split. The group of a pair is the first template with its meaning in that split.
    """
    by_split: dict[str, list[home.Command]] = defaultdict(list)
    for command in commands:
        by_split[home.split_of(command)].append(command)
    for split_commands in by_split.values():
        for templates in _by_meaning(split_commands).values():
            group = min(templates)
            for number, sentences in enumerate(templates.values()):
                for first, same in _paraphrases(number, sentences, split_commands):
                    yield _pair(first, same, SAME, group, language)
                    if different := _different(first, split_commands):
                        yield _pair(first, different, DIFFERENT, group, language)


def _paraphrases(
    number: int, sentences: list[home.Command], split_commands: list[home.Command]
) -> list[tuple[home.Command, home.Command]]:
    """Sentences of a template, each with a paraphrase; templates with the same meaning start at different sentences."""
    start = number % len(sentences)
    ordered = sentences[start:] + sentences[:start]
    paraphrases = ((first, _choose(first, (c for c in split_commands if _same(first, c)))) for first in ordered)
    return [(first, same) for first, same in paraphrases if same][:PER_TEMPLATE]


def _by_meaning(commands: Iterable[home.Command]) -> dict[tuple[str, str], dict[str, list[home.Command]]]:
    by_meaning: dict[tuple[str, str], dict[str, list[home.Command]]] = defaultdict(lambda: defaultdict(list))
    for command in commands:
        by_meaning[command.intent, command.meaning][command.template].append(command)
    return by_meaning


def _same(first: home.Command, other: home.Command) -> bool:
    return (
        first.template != other.template
        and (first.intent, first.meaning) == (other.intent, other.meaning)
        and first.values == other.values
    )


def _different(first: home.Command, commands: Iterable[home.Command]) -> home.Command | None:
    """A command with the opposite intent or another value; if both exist, one is chosen at random."""
    opposite, changed = [], []
    for other in commands:
        if other.combination == first.combination:
            if _opposite(first, other):
                opposite.append(other)
            elif _changed(first, other):
                changed.append(other)
    prefer_opposite = random.Random(f"{first.id}|which").random() < 0.5
    return _choose(first, (opposite if prefer_opposite else changed) or opposite or changed)


def _opposite(first: home.Command, other: home.Command) -> bool:
    return OPPOSITE.get(first.intent) == other.intent and (first.fixed, first.values) == (other.fixed, other.values)


def _changed(first: home.Command, other: home.Command) -> bool:
    slots = [slot for slot, _ in first.values]
    return (
        first.intent == other.intent
        and first.template != other.template
        and slots == [slot for slot, _ in other.values]
        and (first.fixed, first.values) != (other.fixed, other.values)
    )


def _choose(first: home.Command, candidates: Iterable[home.Command]) -> home.Command | None:
    options = list(candidates)
    return random.Random(first.id).choice(options) if options else None


def _pair(first: home.Command, other: home.Command, label: str, group: str, language: str) -> Labelled:
    return Labelled(
        id=f"{first.id}|{other.id}", group=group, language=language, text=first.text, pair=other.text, label=label
    )


TASK = Task(
    name="paraphrase",
    problem="classification",
    suite=("embedded",),
    languages=(
        "en", "bg", "ca", "cy", "da", "de", "de-CH", "el", "es", "eu", "fi", "fr", "gl", "hr", "hu", "it",
        "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sr", "sr-Latn", "sv", "th", "zh-CN",
        "zh-TW",
    ),
    sources=home.SOURCES,
    read=read,
    fractions=home.FRACTIONS,
    licence=home.LICENCE,
    citation=home.CITATION,
    url=home.URL,
    weaknesses=(
        *home.WEAKNESSES,
        "sentences count as paraphrases if the authors of the templates grouped them",
        "small: both sentences of a pair must be in one split, which leaves 20 English development pairs",
    ),
    split_family=home.FAMILY,
    sizes=measured_sizes("paraphrase"),
)  # fmt: skip
