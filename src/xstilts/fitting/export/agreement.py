"""How far an exported model agrees with the model that it was made from, by language."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xstilts.config.training import Frozen
from xstilts.errors import UserError
from xstilts.fitting.export.texts import CheckRow
from xstilts.fitting.facts import ModelFacts

LEAST = 0.98
MOST_ROWS = 500
"""Rows of each language and source that are compared, evenly spaced."""


class Agreement(Frozen):
    """Predictions of two models on the same rows of one language."""

    language: str
    source: str
    """`training rows`, or a file's name."""
    rows: int
    available: int
    same: int
    """Rows with the same predicted label, or for multi-label models the same labels."""
    difference: float
    """Mean absolute difference of the probabilities, over rows and labels."""
    labelled: int
    right_before: int
    right_after: int
    """Rows with a label that each of the models predicts."""

    @property
    def share(self) -> float:
        return self.same / self.rows


def compare(
    facts: ModelFacts,
    rows: Sequence[CheckRow],
    before: Callable[[Sequence[Any]], np.ndarray],
    after: Callable[[Sequence[Any]], np.ndarray],
) -> tuple[Agreement, ...]:
    """`before` and `after` give probabilities [texts, labels]. Rows are grouped by source and language."""
    groups: dict[tuple[str, str], list[CheckRow]] = {}
    for row in rows:
        groups.setdefault((row.source, row.language), []).append(row)
    return tuple(_compare(facts, group, before, after) for group in groups.values())


def require_agreement(agreements: Sequence[Agreement], what: str) -> None:
    """Raises UserError if a language has fewer than `LEAST` rows with the same prediction."""
    if not (low := [agreement for agreement in agreements if agreement.share < LEAST]):
        return
    lines = [
        f"{agreement.language} ({agreement.source}): {agreement.same} of {agreement.rows} predictions are the same "
        f"({agreement.share:.1%}), probabilities differ by {agreement.difference:.4f} on average"
        for agreement in low
    ]
    raise UserError(
        "\n  ".join([f"{what} changes more than {1 - LEAST:.0%} of the predictions; nothing was written", *lines]),
        "export without it, compare on more texts with --check, or write it anyway with --accept-loss",
    )


def decide(facts: ModelFacts, probabilities: np.ndarray) -> list[tuple[str, ...]]:
    """The predicted label or labels of each row of probabilities [texts, labels]."""
    if facts.problem != "multi-label":
        return [(facts.labels[best],) for best in probabilities.argmax(1)]
    thresholds = np.array(facts.calibration.thresholds or (0.5,) * len(facts.labels))
    hits = probabilities >= thresholds
    return [tuple(label for label, hit in zip(facts.labels, row, strict=True) if hit) for row in hits]


def _compare(
    facts: ModelFacts,
    group: Sequence[CheckRow],
    before: Callable[[Sequence[Any]], np.ndarray],
    after: Callable[[Sequence[Any]], np.ndarray],
) -> Agreement:
    rows = group[:: -(-len(group) // MOST_ROWS)]
    texts = [row.text for row in rows]
    old, new = before(texts), after(texts)
    old_labels, new_labels = decide(facts, old), decide(facts, new)
    labels = [row.labels for row in rows]

    def right(predicted: Sequence[tuple[str, ...]]) -> int:
        pairs = zip(predicted, labels, strict=True)
        return sum(truth is not None and set(guess) == set(truth) for guess, truth in pairs)

    return Agreement(
        language=rows[0].language,
        source=rows[0].source,
        rows=len(rows),
        available=len(group),
        same=sum(one == other for one, other in zip(old_labels, new_labels, strict=True)),
        difference=float(np.abs(old - new).mean()),
        labelled=sum(truth is not None for truth in labels),
        right_before=right(old_labels),
        right_after=right(new_labels),
    )
