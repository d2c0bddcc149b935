"""Training examples in another language, by any function that translates texts. No torch here."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from xstilts.data.translation.projection import STYLES, find, mark, read_off, sentences
from xstilts.errors import UserError
from xstilts.problems import Answer, Choice, Example, Labelled, Span

Translator = Callable[[Sequence[str]], Sequence[str | None]]
"""From texts to their translations; None for one that is too long to be read or written."""

Unit = Literal["sentences", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """What was translated, and how many examples were dropped, by reason; `projected` counts how answers were found."""

    examples: tuple[Example, ...]
    dropped: Mapping[str, int]
    projected: Mapping[str, int] = field(default_factory=dict)


class Untranslated(Exception):  # noqa: N818
    """An example that is dropped, with the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def translate(examples: Sequence[Example], translator: Translator, language: str, unit: Unit) -> Translated:
    """The examples in `language`, with their ids and groups; one that cannot be translated is dropped and counted.

    Of a question's answers the first is carried over. Raises UserError for tagged and parallel examples.
    """
    book = _Book(translator, unit)
    match examples[0]:
        case Span():
            return _spans([example for example in examples if isinstance(example, Span)], book, language)
        case Labelled() | Choice():
            book.need(piece for example in examples for text in _texts(example) for piece in book.pieces(text))
            return collected(examples, lambda example: _rebuilt(example, book, language))
        case other:
            raise UserError(
                f"{type(other).__name__.lower()} examples cannot be translated by a model",
                "give translations as `files`, or leave the task out",
            )


def collected(
    examples: Sequence[Example], make: Callable[[Example], Example], projected: Mapping[str, int] | None = None
) -> Translated:
    """What `make` gives for each example, and the reasons of those for which it raises Untranslated."""
    kept, dropped = [], Counter()
    for example in examples:
        try:
            kept.append(make(example))
        except Untranslated as left_out:
            dropped[left_out.reason] += 1
    return Translated(examples=tuple(kept), dropped=dict(sorted(dropped.items())), projected=projected or {})


@dataclass(slots=True)
class _Book:
    """Every text that was translated: equal ones once."""

    translator: Translator
    unit: Unit
    known: dict[str, str | None] = field(default_factory=dict)

    def need(self, texts: Iterator[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(new, self.translator(new) if new else (), strict=True))

    def piece(self, text: str) -> str:
        found = self.known[text]
        if found is None:
            raise Untranslated("too long")
        if not found.strip():
            raise Untranslated("empty")
        return found.strip()

    def spans(self, text: str) -> tuple[tuple[int, int], ...]:
        return sentences(text) if self.unit == "sentences" else _whole(text)

    def pieces(self, text: str) -> Iterator[str]:
        return (text[start:end] for start, end in self.spans(text))

    def text(self, text: str) -> str:
        """The translation of a text: of its units, with what stands between them."""
        return "".join(_woven(text, [(span, self.piece(text[slice(*span)])) for span in self.spans(text)]))


def _whole(text: str) -> tuple[tuple[int, int], ...]:
    start = len(text) - len(text.lstrip())
    return ((start, len(text.rstrip())),) if text.strip() else ()


def _woven(text: str, parts: Sequence[tuple[tuple[int, int], str]]) -> Iterator[str]:
    at = 0
    for (start, end), translation in parts:
        yield text[at:start]
        yield translation
        at = end
    yield text[at:]


def _texts(example: Example) -> tuple[str, ...]:
    match example:
        case Labelled(text=text, pair=pair):
            return (text,) if pair is None else (text, pair)
        case Choice(prompt=prompt, choices=choices):
            return (prompt, *choices)
        case _:
            return ()


def _rebuilt(example: Example, book: _Book, language: str) -> Example:
    match example:
        case Labelled(text=text, pair=pair):
            return replace(
                example, language=language, text=book.text(text), pair=None if pair is None else book.text(pair)
            )
        case Choice(prompt=prompt, choices=choices):
            return replace(
                example,
                language=language,
                prompt=book.text(prompt),
                choices=tuple(book.text(choice) for choice in choices),
            )
        case _:
            raise TypeError(type(example).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an answer stands: its unit, and the answer within it."""

    span: tuple[int, int]
    text: str
    answer: Answer


def _spans(examples: Sequence[Span], book: _Book, language: str) -> Translated:
    places = {example.id: _place(example, book) for example in examples if example.answers}
    book.need(piece for example in examples for piece in _surroundings(example, places.get(example.id), book))
    found, how = _projected(places, book)

    def make(example: Example) -> Example:
        assert isinstance(example, Span)
        question = book.text(example.question)
        place = places.get(example.id)
        if place is None:
            return replace(example, language=language, question=question, context=book.text(example.context))
        context, answer = _context(example, place, found.get(example.id), book)
        return replace(example, language=language, question=question, context=context, answers=(answer,))

    kept = collected(examples, make)
    return replace(kept, projected=dict(Counter(how[example.id] for example in kept.examples if example.id in how)))


def _place(example: Span, book: _Book) -> _Place:
    """The unit of the first answer; units that it spans are one."""
    assert example.answers
    answer = example.answers[0]
    first, last = answer.start, answer.start + len(answer.text)
    touched = [span for span in book.spans(example.context) if span[0] < last and span[1] > first]
    start, end = min(first, touched[0][0]), max(last, touched[-1][1])
    inside = Answer(text=answer.text, start=first - start)
    return _Place(span=(start, end), text=example.context[start:end], answer=inside)


def _surroundings(example: Span, place: _Place | None, book: _Book) -> Iterator[str]:
    """The units that are translated as they are: the question's, and those of the context without the answer's."""
    yield from book.pieces(example.question)
    yield from (example.context[slice(*span)] for span in _others(example.context, place, book))


def _others(context: str, place: _Place | None, book: _Book) -> list[tuple[int, int]]:
    spans = book.spans(context)
    return [span for span in spans if place is None or span[1] <= place.span[0] or span[0] >= place.span[1]]


def _projected(places: Mapping[str, _Place], book: _Book) -> tuple[dict[str, tuple[str, Answer]], dict[str, str]]:
    """By id, the translated unit with the answer in it, and how it was found: by which markers, or by its words."""
    found: dict[str, tuple[str, Answer]] = {}
    how: dict[str, str] = {}
    for markers in STYLES:
        marked = {id: mark(place.text, place.answer, markers) for id, place in places.items() if id not in found}
        book.need(text for text in marked.values() if text is not None)
        for id, text in marked.items():
            if text is not None and (read := read_off((book.known[text] or "").strip(), markers)):
                found[id], how[id] = read, markers.name
    left = {id: place for id, place in places.items() if id not in found}
    book.need(text for place in left.values() for text in (place.text, place.answer.text))
    for id, place in left.items():
        unit, answer = ((book.known[text] or "").strip() for text in (place.text, place.answer.text))
        if answer and (there := find(unit, answer)):
            found[id], how[id] = (unit, there), "found"
    return found, how


def _context(example: Span, place: _Place, found: tuple[str, Answer] | None, book: _Book) -> tuple[str, Answer]:
    """The translated context and its answer. Raises Untranslated."""
    if found is None:
        book.piece(place.text)
        raise Untranslated("unprojectable")
    unit, answer = found
    parts = [(span, book.piece(example.context[slice(*span)])) for span in _others(example.context, place, book)]
    woven = list(_woven(example.context, sorted([*parts, (place.span, unit)])))
    at = 2 * sum(span < place.span for span, _ in parts) + 1
    return "".join(woven), Answer(text=answer.text, start=len("".join(woven[:at])) + answer.start)
