"""Extractive question answering: the answer to a question is a span of the context."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from xstilts.formats.words import is_word_part, strip_blanks
from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.features import Feature, token_types

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BatchEncoding, PreTrainedTokenizerBase

MAX_QUESTION_TOKENS = 64
MAX_ANSWER_TOKENS = 30
N_BEST = 20
"""Start and end positions that are combined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A span of a context: its text and the offset of its first character."""

    text: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Example):
    """A question about a context. An empty tuple of answers means unanswerable, None means unlabelled."""

    question: str
    context: str
    answers: tuple[Answer, ...] | None

    @property
    def target(self) -> tuple[Answer, ...] | None:
        return self.answers

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.context, self.question)

    @property
    def model_texts(self) -> tuple[str, ...]:
        return (self.context,)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        answers = row["answers"]
        return cls(**{**row, "answers": None if answers is None else tuple(Answer(**answer) for answer in answers)})


class QuestionAnswering(Problem[Span]):
    name = "span"
    example = Span
    metrics = ("f1", "exact_match")
    columns = ("question", "context")
    label_columns = ("answer_text", "answer_start")
    head = "span"
    outputs = ("start_logits", "end_logits")
    shots_unit = "items"
    pipeline_tag = "question-answering"
    splits_long_texts = True
    position_columns = ("offsets",)
    translated_columns = ("question", "context", "answer_text", "answer_start")
    is_machine_translatable = True

    def read(self, row: FileRow, name: str, language: str) -> Span:
        context = str(row.value(row.columns["context"]) or "")
        if not context.strip():
            row.required_text("context")
        return Span(
            id=row.item_id(name),
            group=row.group(context),
            language=language,
            question=row.required_text("question"),
            context=context,
            answers=_answers(row, context) if "answer_text" in row.columns else None,
        )

    def encode(
        self,
        examples: Sequence[Span],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        """Windows over the context with an overlap of a third of the length (128 of 384, as usual for SQuAD)."""
        encoded = tokenizer(
            [_shorten(e.question.strip(), tokenizer) for e in examples],
            [e.context for e in examples],
            truncation="only_second",
            max_length=max_length,
            stride=max_length // 3,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        rows: list[int] = encoded["overflow_to_sample_mapping"]  # type: ignore[assignment]
        return [_window(row, examples[row], encoded, number) for number, row in enumerate(rows)]

    def stored_target(self, values: list[int]) -> tuple[int, int]:
        return values[0], values[1]

    def targets(self, features: Sequence[Feature]) -> Mapping[str, Sequence[Any]]:
        starts, ends = zip(*(feature.target for feature in features), strict=True)  # type: ignore[arg-type]
        return {"start_positions": starts, "end_positions": ends}

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[Span],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[str]:
        """The best span over all windows of an example, or "" if the no-answer score is higher in every window.

        As in Devlin et al. (2019, arXiv 1810.04805, section 4.3), with a threshold of zero.
        """
        best: dict[int, tuple[float, str]] = {}
        no_answer: dict[int, float] = defaultdict(lambda: float("inf"))
        rows = zip(features, outputs["start_logits"], outputs["end_logits"], strict=True)
        for feature, start, end in rows:
            number = feature.example
            no_answer[number] = min(no_answer[number], float(start[0] + end[0]))
            score, span = _best_span(feature, start, end)
            if number not in best or score > best[number][0]:
                best[number] = score, strip_blanks(examples[number].context[slice(*span)])
        return [best[number][1] if best[number][0] > no_answer[number] else "" for number in range(len(examples))]

    def gold(self, examples: Sequence[Span]) -> list[list[str]]:
        """The texts of the acceptable answers; empty if the question has no answer."""
        return [[answer.text for answer in example.answers or ()] for example in examples]

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Exact match and token F1. Raises UserError for a language that the `mlqa` normaliser does not support."""
        from xstilts.metrics import mlqa, squad

        mlqa_rules = rules.normaliser == "mlqa"
        normalise = partial(mlqa.normalise, language=rules.language) if mlqa_rules else squad.normalise
        if rules.normaliser == "squad2":
            pairs = [(squad.version_2_answers(gold), predicted) for gold, predicted in pairs]
        return {
            "em": [squad.exact_match(predicted, gold, normalise) for gold, predicted in pairs],
            "f1": [squad.token_f1(predicted, gold, normalise) for gold, predicted in pairs],
        }


def _answers(row: FileRow, context: str) -> tuple[Answer, ...]:
    """The answers with their offsets; an empty cell, list or text means that the question has no answer."""
    cell = row.value(row.columns["answer_text"])
    values = [cell] if isinstance(cell, str) and cell.strip() and cell in context else row.as_list("answer_text")
    texts = [str(value) for value in values if value is not None]
    if not any(map(str.strip, texts)):
        return ()
    if not all(map(str.strip, texts)):
        raise row.error("one of several answers is empty", "remove it")
    if "answer_start" not in row.columns:
        return tuple(Answer(text=text, start=_find(row, context, text)) for text in texts)
    starts = row.as_list("answer_start")
    if len(starts) != len(texts):
        raise row.error(f"{len(texts)} answers but {len(starts)} offsets", "give each answer its offset")
    return tuple(_answer(row, context, text, start) for text, start in zip(texts, starts, strict=True))


def _find(row: FileRow, context: str, text: str) -> int:
    """The offset of an answer without one: its first occurrence as whole words, or else inside a word."""
    starts = [match.start() for match in re.finditer(re.escape(text), context)]
    if not starts:
        raise row.error(f"the answer {text!r} does not occur in its context", "copy answers from the context")
    whole = [start for start in starts if _is_whole(context, start, start + len(text))]
    if not whole:
        row.note("answer-inside-word", f"the answer occurs only inside other words, such as {text!r}")
    elif len(whole) > 1:
        row.note("ambiguous-answer", f"the answer occurs more than once; the first is taken, such as {text!r}")
    return (whole or starts)[0]


def _is_whole(context: str, start: int, end: int) -> bool:
    """Whether no word goes on at either end of a span. Scripts without spaces have no such border."""
    borders = [(context[start - 1 : start], context[start]), (context[end - 1], context[end : end + 1])]
    return not any(left and right and is_word_part(left) and is_word_part(right) for left, right in borders)


def _answer(row: FileRow, context: str, text: str, start: Any) -> Answer:
    try:
        offset = int(float(start)) if isinstance(start, str) else int(start)
        is_whole = float(start) == offset
    except (TypeError, ValueError, OverflowError):
        offset, is_whole = 0, False
    if not is_whole:
        raise row.error(f"the offset {start!r} is not a whole number", "give the offset of the first character")
    if offset < 0 or context[offset : offset + len(text)] != text:
        hint = "count characters from 0, after decoding UTF-8"
        if offset >= 0 and _utf16_slice(context, offset, text) == text:
            hint = "the offset counts UTF-16 units, of which an emoji takes two: count characters (code points)"
        raise row.error(f"the answer {text!r} does not start at character {offset} of its context", hint)
    return Answer(text=text, start=offset)


def _utf16_slice(context: str, start: int, text: str) -> str:
    units, size = context.encode("utf-16-le"), len(text.encode("utf-16-le"))
    return units[2 * start : 2 * start + size].decode("utf-16-le", "replace")


def _window(row: int, example: Span, encoded: "BatchEncoding", number: int) -> Feature:
    sequence = encoded.sequence_ids(number)
    pairs = encoded["offset_mapping"][number]  # type: ignore[index]
    offsets = tuple(tuple(pair) if side == 1 else None for pair, side in zip(pairs, sequence, strict=True))
    target = None
    if example.answers is not None:
        target = (0, 0)
        if example.answers:
            start = example.answers[0].start
            target = _answer_tokens(offsets, start, start + len(example.answers[0].text))
    return Feature(
        example=row,
        ids=(encoded["input_ids"][number],),  # type: ignore[index]
        types=token_types(encoded, number),
        target=target,
        offsets=offsets,
    )


def _answer_tokens(offsets: Sequence[tuple[int, int] | None], start: int, end: int) -> tuple[int, int]:
    """First and last sub-word of an answer, or (0, 0) if the window does not contain all of it."""
    tokens = [p for p, pair in enumerate(offsets) if pair and pair[0] < end and pair[1] > start]
    if not tokens:
        return 0, 0
    first, last = offsets[tokens[0]], offsets[tokens[-1]]
    complete = first is not None and last is not None and first[0] <= start and last[1] >= end
    return (tokens[0], tokens[-1]) if complete else (0, 0)


def _shorten(question: str, tokenizer: "PreTrainedTokenizerBase") -> str:
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return question if len(offsets) <= MAX_QUESTION_TOKENS else question[: offsets[MAX_QUESTION_TOKENS - 1][1]]  # type: ignore[index]


def _best_span(feature: Feature, start: "Tensor", end: "Tensor") -> tuple[float, tuple[int, int]]:
    """The highest sum of a start and an end logit of at most MAX_ANSWER_TOKENS, with the span's character offsets."""
    best = float("-inf"), (0, 0)
    offsets = feature.offsets
    size = len(offsets)
    for first in start[:size].topk(min(N_BEST, size)).indices.tolist():
        for last in end[:size].topk(min(N_BEST, size)).indices.tolist():
            first_offsets, last_offsets = offsets[first], offsets[last]
            if first_offsets is None or last_offsets is None or not first <= last < first + MAX_ANSWER_TOKENS:
                continue
            score = float(start[first] + end[last])
            if score > best[0]:
                best = score, (first_offsets[0], last_offsets[1])
    return best
