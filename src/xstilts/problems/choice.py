"""Multiple choice: a prompt and its candidate answers, of which one is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import Cells
from xstilts.problems.classification import correct_items
from xstilts.problems.features import Feature, encode_texts

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
    label_columns = ("answer",)
    head = "choice"
    shots_unit = "items"
    pipeline_tag = "multiple-choice"
    reads_first_token = True
    translated_columns = ("prompt", "choices")
    is_machine_translatable = True

    def read(self, cells: Cells, name: str, language: str) -> Choice:
        prompt, choices = cells.required_text("prompt"), _choices(cells)
        answer = cells.optional_text("answer")
        return Choice(
            id=cells.item_id(name),
            group=cells.group(prompt),
            language=language,
            prompt=prompt,
            choices=choices,
            answer=None if answer is None else _index(cells, answer, choices),
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

    def display(self, example: Choice, prediction: int) -> str:
        """The text of the predicted choice."""
        return example.choices[prediction]


def _choices(cells: Cells) -> tuple[str, ...]:
    columns = cells.column_names("choices")
    values = cells.list_or_value(columns[0]) if len(columns) == 1 else [cells.value(column) for column in columns]
    if not isinstance(values, list | tuple) or len(values) < 2 or not all(str(v or "").strip() for v in values):
        raise cells.error(
            "fewer than two choices, or an empty one", "name one column with a list, or several columns: a,b,c"
        )
    return tuple(str(value).strip() for value in values)


def _index(cells: Cells, answer: str, choices: tuple[str, ...]) -> int:
    """The index of an answer that is the text of a choice, or its number from 0."""
    if answer in choices:
        return choices.index(answer)
    if answer.isdecimal() and int(answer) < len(choices):
        return int(answer)
    raise cells.error(
        f"the answer {answer!r} is not a choice", f"give the text of a choice, or a number from 0 to {len(choices) - 1}"
    )
