"""Classification of a text or a pair of texts, with one label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.features import Feature, encode_texts, label_position, label_positions
from xstilts.problems.trivial import most_frequent_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class TextExample(Example):
    """A text, or a pair of texts."""

    text: str
    pair: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text, self.pair or "")

    @property
    def model_texts(self) -> tuple[str, ...]:
        return (f"{self.text} {self.pair}" if self.pair else self.text,)

    @property
    def is_pair(self) -> bool:
        return self.pair is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled(TextExample):
    """A text, or a pair of texts, with one label. `label` is None if the split has no labels."""

    label: str | None

    @property
    def target(self) -> str | None:
        return self.label

    @property
    def classes(self) -> tuple[str, ...]:
        return () if self.label is None else (self.label,)

    @property
    def stratum(self) -> str | None:
        return self.label


class Classification(Problem[Labelled]):
    name = "classification"
    example = Labelled
    metrics = ("macro_f1", "accuracy")
    columns = ("text",)
    optional_columns = ("pair",)
    label_columns = ("label",)
    head = "sequence"
    shots_unit = "per class"
    pipeline_tag = "text-classification"
    reads_first_token = True
    translated_columns = ("text", "pair", "label")
    is_machine_translatable = True
    trivial_baseline = "majority class"

    def read(self, row: FileRow, name: str, language: str) -> Labelled:
        text = row.required_text("text")
        return Labelled(
            id=row.item_id(name),
            group=row.group(text),
            language=language,
            text=text,
            pair=row.optional_text("pair"),
            label=row.label("label"),
        )

    def encode(
        self,
        examples: Sequence[Labelled],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        index = label_positions(labels)
        encoded = encode_texts(tokenizer, [e.text for e in examples], [e.pair for e in examples], max_length)
        return [
            Feature(example=row, ids=(ids,), types=(types,) if types else None, target=class_position(index, example))
            for row, (example, (ids, types)) in enumerate(zip(examples, encoded, strict=True))
        ]

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[Labelled],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[str]:
        return most_probable(outputs, labels)

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        return correct_items(pairs, rules)

    def trivial_predictions(self, training: Sequence[Labelled], examples: Sequence[Labelled]) -> list[str]:
        """The most frequent class."""
        return [most_frequent_of(training)] * len(examples)


def class_position(index: dict[str, int], example: Example) -> int | None:
    """The position of the example's class in the head's outputs; None if it is unlabelled or `index` is empty."""
    label = example.stratum
    return label_position(index, label, example.id, example.language) if index and label is not None else None


def most_probable(outputs: Outputs, labels: Sequence[str]) -> list[str]:
    return [labels[int(row.argmax())] for row in outputs["logits"]]


def correct_items(pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
    """1 for each correct item; with `rules.rows_per_item`, also the number of published rows per item."""
    correct = {"correct": [float(gold == predicted) for gold, predicted in pairs]}
    return correct if rules.rows_per_item is None else correct | {"rows": [rules.rows_per_item] * len(pairs)}
