"""Metrics as functions of sums over items: items are encoded once, then any resample is scored from its sums."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl

from xstilts.errors import UserError

Encode = Callable[[pl.DataFrame, Sequence[str]], np.ndarray]
Value = Callable[[np.ndarray], np.ndarray]

_TINY = 1e-30
_POSITIVE = '"1"'
"""The class that accuracy_f1 takes the F1 of, as a JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`encode(frame, classes)` returns additive item statistics [items, V]; `value(sums)` turns their sums [..., V]
    into scores [...] from 0 to 1.

    Encode compared frames with the same `classes`: any list that contains their gold labels (JSON texts, see
    `gold_classes`). Only macro-averaged metrics use it. A score with denominator 0 is 0.
    """

    name: str
    encode: Encode = field(repr=False)
    value: Value = field(repr=False)

    def score(self, frame: pl.DataFrame) -> float:
        """The score of one frame."""
        return float(self.value(self.encode(frame, gold_classes(frame)).sum(axis=0)))


def gold_classes(*frames: pl.DataFrame) -> list[str]:
    """The gold values of the frames, as JSON texts, sorted."""
    return sorted({text for frame in frames for text in frame["gold"].unique()})


def metric(name: str) -> Metric:
    """The metric of that name. Raises UserError if there is none."""
    match name:
        case "accuracy":
            encode, value = _mean_of("correct"), _ratio
        case "iglue_compat":
            encode, value = partial(_columns, ("correct", "rows")), _ratio
        case "exact_match":
            encode, value = _mean_of("em"), _ratio
        case "f1" | "to_english" | "from_english":
            encode, value = _mean_of(name), _ratio
        case "retrieval_accuracy":
            encode, value = _both_directions, _ratio
        case "token_accuracy":
            encode, value = partial(_columns, ("correct_tokens", "tokens")), _ratio
        case "span_f1":
            encode, value = partial(_columns, ("true_positive", "predicted_spans", "gold_spans")), _micro_f1
        case "micro_f1":
            encode, value = partial(_columns, ("true_positive", "predicted_labels", "gold_labels")), _micro_f1
        case "pair_f1":
            encode, value = partial(_columns, ("true_positive", "predicted_pairs", "gold_pairs")), _micro_f1
        case "pair_precision":
            encode, value = partial(_columns, ("true_positive", "predicted_pairs")), _ratio
        case "pair_recall":
            encode, value = partial(_columns, ("true_positive", "gold_pairs")), _ratio
        case "em_f1":
            encode, value = _em_and_f1, _ratio
        case "recall_at_1" | "recall_at_5" | "recall_at_10":
            k = name.rpartition("_")[2]
            encode, value = partial(_recalls, f"image_at_{k}", f"text_at_{k}"), _mean_recall
        case "image_recall_at_1" | "image_recall_at_5" | "image_recall_at_10":
            encode, value = _mean_of(name.replace("_recall", "")), _ratio
        case "text_recall_at_1" | "text_recall_at_5" | "text_recall_at_10":
            encode, value = partial(_columns, (name.replace("_recall", ""), "images")), _ratio
        case "macro_f1":
            encode, value = _per_class, _macro_f1
        case "accuracy_f1":
            encode, value = _accuracy_and_class, _accuracy_f1
        case _:
            raise UserError(f"unknown metric {name!r}", f"known metrics: {', '.join(METRIC_NAMES)}")
    return Metric(name=name, encode=encode, value=value)


METRIC_NAMES = (
    "accuracy",
    "macro_f1",
    "micro_f1",
    "accuracy_f1",
    "iglue_compat",
    "exact_match",
    "f1",
    "em_f1",
    "span_f1",
    "token_accuracy",
    "retrieval_accuracy",
    "to_english",
    "from_english",
    "pair_f1",
    "pair_precision",
    "pair_recall",
    *(f"{prefix}recall_at_{k}" for prefix in ("", "image_", "text_") for k in (1, 5, 10)),
)


def _columns(names: Sequence[str], frame: pl.DataFrame, classes: Sequence[str]) -> np.ndarray:
    return frame.select(names).to_numpy()


def _mean_of(column: str) -> Encode:
    return lambda frame, classes: np.column_stack([frame[column].to_numpy(), np.ones(len(frame))])


def _both_directions(frame: pl.DataFrame, classes: Sequence[str]) -> np.ndarray:
    correct = frame["to_english"].to_numpy() + frame["from_english"].to_numpy()
    return np.column_stack([correct, np.full(len(frame), 2.0)])


def _recalls(image: str, text: str, frame: pl.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Caption hits, captions, image hits, images; [items, 4]."""
    return np.column_stack(
        [frame[image].to_numpy(), np.ones(len(frame)), frame[text].to_numpy(), frame["images"].to_numpy()]
    )


def _mean_recall(sums: np.ndarray) -> np.ndarray:
    """The mean of text-to-image and image-to-text recall."""
    return (_ratio(sums) + _ratio(sums[..., 2:])) / 2


def _em_and_f1(frame: pl.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """The mean of exact match and F1: the score of question answering in XTREME."""
    return np.column_stack([frame["em"].to_numpy() + frame["f1"].to_numpy(), np.full(len(frame), 2.0)])


def _accuracy_and_class(frame: pl.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Correct, 1, and for class "1": true positives, predicted, gold; [items, 5]."""
    columns = _mean_of("correct")(frame, classes)
    gold, predicted = _one_hot(frame["gold"], [_POSITIVE]), _one_hot(frame["predicted"], [_POSITIVE])
    return np.concatenate([columns, gold * predicted, predicted, gold], axis=1)


def _per_class(frame: pl.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Per class: true positives, then predictions + gold, then gold; [items, 3 * classes]."""
    encode = _multi_hot if classes and classes[0].startswith("[") else _one_hot
    gold, predicted = encode(frame["gold"], classes), encode(frame["predicted"], classes)
    return np.concatenate([gold * predicted, gold + predicted, gold], axis=1)


def _one_hot(texts: pl.Series, classes: Sequence[str]) -> np.ndarray:
    """[items, classes]; a row is zero if its text is none of the classes."""
    columns = {text: column for column, text in enumerate(classes)}
    index = np.array([columns.get(text, -1) for text in texts], dtype=int)
    return (index[:, None] == np.arange(len(classes))).astype(float)


def _multi_hot(texts: pl.Series, classes: Sequence[str]) -> np.ndarray:
    """[items, labels] for JSON lists of labels; the columns are all labels that occur in `classes`, sorted."""
    labels = sorted({label for text in classes for label in json.loads(text)})
    columns = {label: column for column, label in enumerate(labels)}
    encoded = np.zeros((len(texts), len(labels)))
    for row, text in enumerate(texts):
        encoded[row, [columns[label] for label in json.loads(text) if label in columns]] = 1.0
    return encoded


def _ratio(sums: np.ndarray) -> np.ndarray:
    return _divide(sums[..., 0], sums[..., 1])


def _micro_f1(sums: np.ndarray) -> np.ndarray:
    return _divide(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def _accuracy_f1(sums: np.ndarray) -> np.ndarray:
    """The mean of accuracy and the F1 of class "1", as for QQP and MRPC in GLUE (Wang et al. 2019, arXiv
    1804.07461)."""
    return (_ratio(sums) + _micro_f1(sums[..., 2:])) / 2


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """The mean F1 over classes with gold items. Other classes have no true positives, so their F1 adds 0."""
    true_positive, predicted_and_gold, gold = np.split(sums, 3, axis=-1)
    # for short rows, a product with ones is faster than sum()
    ones = np.ones(gold.shape[-1], dtype=sums.dtype)
    return _divide(2 * (_divide(true_positive, predicted_and_gold) @ ones), (gold > 0).astype(sums.dtype) @ ones)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient, or 0 if the denominator is 0, because then the numerator is 0 too."""
    return numerator / np.maximum(denominator, _TINY)
