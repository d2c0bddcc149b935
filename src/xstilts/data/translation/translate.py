"""Translates training examples with any function that translates texts. Imports no torch."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from xstilts.data.translation.projection import MARKER_STYLES, add_markers, extract_answer, find_answer, sentence_spans
from xstilts.errors import UserError
from xstilts.problems import Answer, Choice, Example, Labelled, Span

Translator = Callable[[Sequence[str]], Sequence[str | None]]
"""Maps texts to their translations; None for a text that is too long for the model."""

Unit = Literal["sentences", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """`dropped` counts dropped examples by reason, `projected` counts projected answers by method."""

    examples: tuple[Example, ...]
    dropped: Mapping[str, int]
    projected: Mapping[str, int] = field(default_factory=dict)


class NotTranslatable(Exception):  # noqa: N818
    """An example cannot be translated and is dropped."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def translate(examples: Sequence[Example], translator: Translator, language: str, unit: Unit) -> Translated:
    """Translate examples to `language`, keeping ids and groups. Untranslatable examples are dropped and counted.

    Only the first answer of a question is projected. Raises UserError for tagged and parallel examples.
    """
    memory = _TranslationMemory(translator, unit)
    match examples[0]:
        case Span():
            return _spans([example for example in examples if isinstance(example, Span)], memory, language)
        case Labelled() | Choice():
            memory.translate_missing(
                piece for example in examples for text in _texts(example) for piece in memory.pieces(text)
            )
            return translate_each(examples, lambda example: _translated_example(example, memory, language))
        case other:
            raise UserError(
                f"{type(other).__name__.lower()} examples cannot be translated by a model",
                "provide translations as `files`, or remove the task",
            )


def translate_each(
    examples: Sequence[Example], make: Callable[[Example], Example], projected: Mapping[str, int] | None = None
) -> Translated:
    """Apply `make` to each example; examples for which it raises NotTranslatable are dropped and counted."""
    translations, dropped = [], Counter()
    for example in examples:
        try:
            translations.append(make(example))
        except NotTranslatable as error:
            dropped[error.reason] += 1
    return Translated(examples=tuple(translations), dropped=dict(sorted(dropped.items())), projected=projected or {})


@dataclass(slots=True)
class _TranslationMemory:
    """Caches translations, so that equal texts are translated once."""

    translator: Translator
    unit: Unit
    translations: dict[str, str | None] = field(default_factory=dict)

    def translate_missing(self, texts: Iterator[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self.translations]
        self.translations.update(zip(new, self.translator(new) if new else (), strict=True))

    def piece(self, text: str) -> str:
        """The cached translation of one unit. Raises NotTranslatable."""
        translation = self.translations[text]
        if translation is None:
            raise NotTranslatable("too long")
        if not translation.strip():
            raise NotTranslatable("empty")
        return translation.strip()

    def spans(self, text: str) -> tuple[tuple[int, int], ...]:
        if self.unit == "sentences":
            return sentence_spans(text)
        start = len(text) - len(text.lstrip())
        return ((start, len(text.rstrip())),) if text.strip() else ()

    def pieces(self, text: str) -> Iterator[str]:
        return (text[start:end] for start, end in self.spans(text))

    def text(self, text: str) -> str:
        """The translation of a text, with the original white space between units."""
        return "".join(_interleave(text, [(span, self.piece(text[slice(*span)])) for span in self.spans(text)]))


def _interleave(text: str, translated_spans: Sequence[tuple[tuple[int, int], str]]) -> Iterator[str]:
    """The text between the spans and the translations of the spans, alternating."""
    position = 0
    for (start, end), translation in translated_spans:
        yield text[position:start]
        yield translation
        position = end
    yield text[position:]


def _texts(example: Example) -> tuple[str, ...]:
    match example:
        case Labelled(text=text, pair=pair):
            return (text,) if pair is None else (text, pair)
        case Choice(prompt=prompt, choices=choices):
            return (prompt, *choices)
        case _:
            return ()


def _translated_example(example: Example, memory: _TranslationMemory, language: str) -> Example:
    match example:
        case Labelled(text=text, pair=pair):
            return replace(
                example, language=language, text=memory.text(text), pair=None if pair is None else memory.text(pair)
            )
        case Choice(prompt=prompt, choices=choices):
            return replace(
                example,
                language=language,
                prompt=memory.text(prompt),
                choices=tuple(memory.text(choice) for choice in choices),
            )
        case _:
            raise TypeError(type(example).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AnswerUnit:
    """The unit of a context that contains the answer; the answer's start is relative to the unit."""

    span: tuple[int, int]
    text: str
    answer: Answer


def _spans(examples: Sequence[Span], memory: _TranslationMemory, language: str) -> Translated:
    units = {example.id: _answer_unit(example, memory) for example in examples if example.answers}
    memory.translate_missing(
        piece for example in examples for piece in _other_texts(example, units.get(example.id), memory)
    )
    projections, methods = _project_answers(units, memory)

    def make(example: Example) -> Example:
        assert isinstance(example, Span)
        question = memory.text(example.question)
        unit = units.get(example.id)
        if unit is None:
            return replace(example, language=language, question=question, context=memory.text(example.context))
        context, answer = _translated_context(example, unit, projections.get(example.id), memory)
        return replace(example, language=language, question=question, context=context, answers=(answer,))

    translated = translate_each(examples, make)
    used = Counter(methods[example.id] for example in translated.examples if example.id in methods)
    return replace(translated, projected=dict(used))


def _answer_unit(example: Span, memory: _TranslationMemory) -> _AnswerUnit:
    """The unit that contains the first answer; several units are merged if the answer spans them."""
    assert example.answers
    answer = example.answers[0]
    first, last = answer.start, answer.start + len(answer.text)
    overlapping = [span for span in memory.spans(example.context) if span[0] < last and span[1] > first]
    start, end = min(first, overlapping[0][0]), max(last, overlapping[-1][1])
    return _AnswerUnit(
        span=(start, end), text=example.context[start:end], answer=Answer(text=answer.text, start=first - start)
    )


def _other_texts(example: Span, unit: _AnswerUnit | None, memory: _TranslationMemory) -> Iterator[str]:
    """The units without the answer: those of the question, and the other units of the context."""
    yield from memory.pieces(example.question)
    yield from (example.context[slice(*span)] for span in _other_spans(example.context, unit, memory))


def _other_spans(context: str, unit: _AnswerUnit | None, memory: _TranslationMemory) -> list[tuple[int, int]]:
    spans = memory.spans(context)
    return [span for span in spans if unit is None or span[1] <= unit.span[0] or span[0] >= unit.span[1]]


def _project_answers(
    units: Mapping[str, _AnswerUnit], memory: _TranslationMemory
) -> tuple[dict[str, tuple[str, Answer]], dict[str, str]]:
    """By example id: the translated unit with its answer, and the method (the markers, or "found" for text search)."""
    projections: dict[str, tuple[str, Answer]] = {}
    methods: dict[str, str] = {}
    for markers in MARKER_STYLES:
        marked = {
            id: add_markers(unit.text, unit.answer, markers) for id, unit in units.items() if id not in projections
        }
        memory.translate_missing(text for text in marked.values() if text is not None)
        for id, text in marked.items():
            if text is not None and (projected := extract_answer((memory.translations[text] or "").strip(), markers)):
                projections[id], methods[id] = projected, markers.name
    remaining = {id: unit for id, unit in units.items() if id not in projections}
    memory.translate_missing(text for unit in remaining.values() for text in (unit.text, unit.answer.text))
    for id, unit in remaining.items():
        translated, answer = ((memory.translations[text] or "").strip() for text in (unit.text, unit.answer.text))
        if answer and (translated_answer := find_answer(translated, answer)):
            projections[id], methods[id] = (translated, translated_answer), "found"
    return projections, methods


def _translated_context(
    example: Span, unit: _AnswerUnit, projection: tuple[str, Answer] | None, memory: _TranslationMemory
) -> tuple[str, Answer]:
    """The translated context and its answer. Raises NotTranslatable."""
    if projection is None:
        memory.piece(unit.text)
        raise NotTranslatable("unprojectable")
    translated_unit, answer = projection
    others = [
        (span, memory.piece(example.context[slice(*span)])) for span in _other_spans(example.context, unit, memory)
    ]
    pieces = list(_interleave(example.context, sorted([*others, (unit.span, translated_unit)])))
    unit_index = 2 * sum(span < unit.span for span, _ in others) + 1
    return "".join(pieces), Answer(text=answer.text, start=len("".join(pieces[:unit_index])) + answer.start)
