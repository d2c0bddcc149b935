"""Multiple choice: a prompt and its candidate answers, of which one is right."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.errors import DataError
from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics, read_each
from xstilts.problems.cells import FileRow
from xstilts.problems.classification import correct_items
from xstilts.problems.features import Feature, encode_texts
from xstilts.problems.labels import common_form
from xstilts.problems.trivial import most_frequent_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Example):
    """A prompt and its candidate answers; `answer` is the index of the right one, None if unlabelled."""

    prompt: str
    choices: tuple[str, ...]
    answer: int | None

    @property
    def target(self) -> int | None:
        return self.answer

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.prompt,)

    @property
    def model_texts(self) -> tuple[str, ...]:
        return tuple(f"{self.prompt} {choice}" for choice in self.choices)


class MultipleChoice(Problem[Choice]):
    name = "choice"
    example = Choice
    metrics = ("accuracy",)
    columns = ("prompt", "choices")
    label_columns = ("answer", "answer_index")
    head = "choice"
    shots_unit = "items"
    pipeline_tag = "multiple-choice"
    reads_first_token = True
    translated_columns = ("prompt", "choices")
    is_machine_translatable = True
    trivial_baseline = "most frequent answer position"

    def read(self, row: FileRow, name: str, language: str) -> Choice:
        """The answer is the text of a choice, or else its number from 0, or else its letter."""
        return self._read(row, name, language, tuple(_FORMS))

    def read_rows(self, rows: Sequence[tuple[FileRow, str]], language: str) -> tuple[list[Choice], list[DataError]]:
        """Answers in the form that the whole file shows: as texts, as numbers from 0, or as letters from A."""
        answers: list[tuple[FileRow, str, tuple[str, ...]]] = []
        for row, _ in rows:
            with suppress(DataError):
                if (answer := _answer(row)) is not None:
                    answers.append((row, answer, _choices(row)))
        forms = tuple(_FORMS)
        if answers:
            try:
                forms = (_form_of_all(answers),)
            except DataError as error:
                return [], [error]
            if forms != ("the text of a choice",):
                answers[0][0].note("answer-form", f"the answer is {forms[0]}", count=len(answers))
        return read_each(rows, lambda row, name: self._read(row, name, language, forms))

    def _read(self, row: FileRow, name: str, language: str, forms: Sequence[str]) -> Choice:
        prompt, choices, answer = row.required_text("prompt"), _choices(row), _answer(row)
        return Choice(
            id=row.item_id(name),
            group=row.group(prompt),
            language=language,
            prompt=prompt,
            choices=choices,
            answer=None if answer is None else _index(row, answer, choices, forms),
        )

    def encode(
        self,
        examples: Sequence[Choice],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        prompts = [e.prompt for e in examples for _ in e.choices]
        choices = [choice for e in examples for choice in e.choices]
        encoded = iter(encode_texts(tokenizer, prompts, choices, max_length))
        features = []
        for row, example in enumerate(examples):
            rows = [next(encoded) for _ in example.choices]
            types = tuple(types for _, types in rows if types is not None)
            ids = tuple(ids for ids, _ in rows)
            features.append(Feature(example=row, ids=ids, types=types or None, target=example.answer))
        return features

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[Choice],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[int]:
        """The best choice of each example; logits of padded choices are ignored."""
        rows = zip(features, outputs["logits"], strict=True)
        return [int(row[: len(feature.ids)].argmax()) for feature, row in rows]

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        return correct_items(pairs, rules)

    def trivial_predictions(self, training: Sequence[Choice], examples: Sequence[Choice]) -> list[int]:
        """The most frequent position of the answer, or the last one in an example with fewer choices."""
        position = most_frequent_of(training)
        return [min(position, len(example.choices) - 1) for example in examples]

    def display(self, example: Choice, prediction: int) -> str:
        """The text of the predicted choice."""
        return example.choices[prediction]


def _choices(row: FileRow) -> tuple[str, ...]:
    columns = row.column_names("choices")
    values = row.as_list("choices") if len(columns) == 1 else [row.value(column) for column in columns]
    choices = tuple("" if value is None else str(value).strip() for value in values)
    if len(choices) < 2 or not all(choices):
        raise row.error(
            "fewer than two choices, or an empty one", "name one column with a list, or several columns: a,b,c"
        )
    return choices


def _answer(row: FileRow) -> str | None:
    """The answer as the file has it; None if it has no such column."""
    return row.label("answer_index" if "answer_index" in row.columns else "answer")


def _by_text(answer: str, choices: tuple[str, ...]) -> int | None:
    return choices.index(answer) if answer in choices else None


def _by_number(answer: str, choices: tuple[str, ...]) -> int | None:
    number = common_form(answer)
    return int(number) if number.isdecimal() and len(number) < 4 and int(number) < len(choices) else None


def _by_letter(answer: str, choices: tuple[str, ...]) -> int | None:
    number = ord(answer) - ord("A") if len(answer) == 1 else -1
    return number if 0 <= number < len(choices) else None


_FORMS: Mapping[str, Callable[[str, tuple[str, ...]], int | None]] = {
    "the text of a choice": _by_text,
    "a number from 0": _by_number,
    "a letter from A": _by_letter,
}


def _index(row: FileRow, answer: str, choices: tuple[str, ...], forms: Sequence[str]) -> int:
    """The number of the right choice, by the first of the forms that fits the row."""
    for form in forms:
        if (number := _FORMS[form](answer, choices)) is not None:
            return number
    known = " or ".join(forms)
    hint = f"give {known}; there are {len(choices)} choices"
    if answer == str(len(choices)):
        hint = f"{hint}. If the file counts from 1, subtract 1 from all its answers"
    raise row.error(f"the answer {answer!r} is not {known}", hint)


def _form_of_all(rows: Sequence[tuple[FileRow, str, tuple[str, ...]]]) -> str:
    """The form in which a file gives its answers: the one that fits most rows.

    Raises DataError for a row that two forms fit equally well with different answers.
    """
    if any("answer_index" in row.columns for row, _, _ in rows):
        return "a number from 0"
    fitting = {form: [number(answer, choices) for _, answer, choices in rows] for form, number in _FORMS.items()}
    counts = {form: sum(number is not None for number in numbers) for form, numbers in fitting.items()}
    best = max(counts.values())
    first, *others = [form for form, count in counts.items() if count == best]
    for other in others:
        for (row, answer, _), number, other_number in zip(rows, fitting[first], fitting[other], strict=True):
            if number is not None and other_number is not None and number != other_number:
                raise row.error(
                    f"the answer {answer!r} is both {first} (choice {number}) and {other} (choice {other_number})",
                    "name the column `answer_index` if it counts from 0, or write answers that fit in one way only",
                )
    return first
