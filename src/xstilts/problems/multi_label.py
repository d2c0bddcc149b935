"""Multi-label classification of a text or a pair of texts, with zero or more labels."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.errors import DataError
from xstilts.problems.base import Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.classification import TextExample
from xstilts.problems.features import Feature, encode_texts, label_position, label_positions
from xstilts.problems.trivial import most_frequent_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DEFAULT_THRESHOLD = 0.5
SEPARATORS = re.compile(r"[|;,]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiLabelled(TextExample):
    """A text, or a pair of texts, with its labels, sorted; an empty tuple means none, None means unlabelled."""

    labels: tuple[str, ...] | None

    @property
    def target(self) -> tuple[str, ...] | None:
        return self.labels

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labels or ()


class MultiLabelClassification(Problem[MultiLabelled]):
    name = "multi-label"
    example = MultiLabelled
    metrics = ("micro_f1", "macro_f1", "accuracy")
    columns = ("text",)
    optional_columns = ("pair",)
    label_columns = ("labels",)
    head = "sequence"
    loss = "binary cross-entropy"
    shots_unit = "items"
    pipeline_tag = "text-classification"
    reads_first_token = True
    has_thresholds = True
    trivial_baseline = "most frequent label set"

    def read(self, row: FileRow, name: str, language: str) -> MultiLabelled:
        text = row.required_text("text")
        return MultiLabelled(
            id=row.item_id(name),
            group=row.group(text),
            language=language,
            text=text,
            pair=row.optional_text("pair"),
            labels=_labels(row) if "labels" in row.columns else None,
        )

    def encode(
        self,
        examples: Sequence[MultiLabelled],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        """The target has a 1 or 0 for each output of the head."""
        index = label_positions(labels)
        encoded = encode_texts(tokenizer, [e.text for e in examples], [e.pair for e in examples], max_length)
        features = []
        for row, (example, (ids, types)) in enumerate(zip(examples, encoded, strict=True)):
            target = None
            if index and example.labels is not None:
                target = [0] * len(index)
                for label in example.labels:
                    target[label_position(index, label, example.id, example.language)] = 1
            features.append(Feature(example=row, ids=(ids,), types=(types,) if types else None, target=target))
        return features

    def stored_target(self, values: list[int]) -> list[int]:
        return values

    def targets(self, features: Sequence[Feature]) -> Mapping[str, Sequence[Any]]:
        """Floats, as binary cross-entropy expects. Raises DataError if the training data have no label at all."""
        rows: list[Any] = [feature.target for feature in features]
        if any(row is None for row in rows):
            raise DataError(
                "no example of the training data has a label", "give at least one row of the training split a label"
            )
        return {"labels": [[float(value) for value in row] for row in rows]}

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[MultiLabelled],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[list[str]]:
        """The sorted labels whose probability is at least their threshold, by default 0.5."""
        thresholds = thresholds or [DEFAULT_THRESHOLD] * len(labels)
        return [
            sorted(label for label, value, least in zip(labels, row, thresholds, strict=True) if value >= least)
            for row in _probabilities(outputs)
        ]

    def fit_thresholds(
        self, outputs: Outputs, features: Sequence[Feature], examples: Sequence[MultiLabelled], labels: Sequence[str]
    ) -> list[float]:
        """The probability threshold of each label with the highest F1 on these examples; of several, the one nearest to
        0.5. It is 0.5 for a label that no example has."""
        columns = zip(*_probabilities(outputs), strict=True)
        return [
            _best_threshold(column, [label in (example.labels or ()) for example in examples])
            for label, column in zip(labels, columns, strict=True)
        ]

    def gold(self, examples: Sequence[MultiLabelled]) -> list[list[str]]:
        return [list(example.labels or ()) for example in examples]

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Gold and predicted are lists of labels; an item is correct if both have the same labels."""
        sets = [(set(gold), set(predicted)) for gold, predicted in pairs]
        return {
            "correct": [float(gold == predicted) for gold, predicted in sets],
            "true_positive": [float(len(gold & predicted)) for gold, predicted in sets],
            "predicted_labels": [float(len(predicted)) for _, predicted in sets],
            "gold_labels": [float(len(gold)) for gold, _ in sets],
        }

    def trivial_predictions(
        self, training: Sequence[MultiLabelled], examples: Sequence[MultiLabelled]
    ) -> list[list[str]]:
        """The most frequent label set, which may be empty."""
        return [list(most_frequent_of(training))] * len(examples)


def _labels(row: FileRow) -> tuple[str, ...]:
    """From one column, the labels in the cell: a list, or a text with `|`, `;` or `,` between labels. From several
    columns, one per label, the names of the columns with true or 1."""
    columns = row.column_names("labels")
    if len(columns) > 1:
        return tuple(sorted(column for column in columns if row.boolean("labels", column)))
    value = row.list_or_value(columns[0])
    labels = value if isinstance(value, list | tuple) else SEPARATORS.split("" if value is None else str(value))
    stripped = (str(label).strip() for label in labels)
    return tuple(sorted({row.renamed(label) for label in stripped if label}))


def _probabilities(outputs: Outputs) -> list[list[float]]:
    return [row.sigmoid().tolist() for row in outputs["logits"]]


def _best_threshold(probabilities: Sequence[float], gold: Sequence[bool]) -> float:
    """The cut between neighbouring probabilities with the best F1: at 0.5 if that is between them, or in the middle."""
    positives, best = sum(gold), (0.0, 0.0, DEFAULT_THRESHOLD)
    ranked = sorted(zip(probabilities, gold, strict=True), reverse=True)
    lower = [probability for probability, _ in ranked[1:]] + [0.0]
    true_positives = 0
    for predicted, ((probability, has_label), below) in enumerate(zip(ranked, lower, strict=True), start=1):
        true_positives += has_label
        if below == probability:
            continue
        threshold = DEFAULT_THRESHOLD if below < DEFAULT_THRESHOLD <= probability else (probability + below) / 2
        f1 = 2 * true_positives / (predicted + positives)
        best = max(best, (f1, -abs(threshold - DEFAULT_THRESHOLD), threshold))
    return best[2]
