"""Cross-validation of heads over the labelled rows of a language, or over English ones."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xstilts.fitting.folds import strata_of, stratified_group_folds
from xstilts.fitting.heads import HeadArm, Prepared, fit_head, prepare
from xstilts.methods.leave_one_out import Rows

MOST_ENGLISH, ENGLISH_FOLDS = 2000, 5


def held_out_logits(
    arm: HeadArm,
    prepared: Prepared,
    english: Rows | None,
    shots: Rows,
    folds: Sequence[int],
    classes: int,
    unlabelled: Tensor | None = None,
    step: Callable[[], None] = lambda: None,
) -> Tensor:
    """Logits of every row of the language by a head that was fitted without its fold: [rows, classes], float64.

    English rows of the groups in the fold are left out too. NaN where nothing is left to fit.
    """
    logits = torch.full((len(shots.labels), classes), torch.nan, dtype=torch.float64)
    for fold in sorted(set(folds)):
        left = [row for row, number in enumerate(folds) if number == fold]
        kept = [row for row, number in enumerate(folds) if number != fold]
        groups = {shots.groups[row] for row in left}
        source = without_groups(english, groups)
        rows = shots.subset(kept)
        if len(rows.labels) or source is not None:
            own = prepared if english is not None else prepare(arm, None, rows, classes)
            head = fit_head(arm, own, source, rows, classes, unlabelled)
            scored = shots.subset(left)
            logits[left] = head.logits(scored.vectors, scored.subwords)
        step()
    return logits


def english_held_out_logits(
    arm: HeadArm, prepared: Prepared, english: Rows, classes: int, dev: Sequence[int] | None = None
) -> tuple[Tensor, list[int]]:
    """Logits of English rows by heads that were fitted without them and without the language; and the rows' numbers.

    At most `MOST_ENGLISH` rows, evenly spaced, in five-fold cross-validation; or the rows `dev`, which the encoder has
    not been trained on, by one head that was fitted to all others.
    """
    if dev is not None:
        left = set(dev)
        kept = [row for row in range(len(english.labels)) if row not in left]
        head = fit_head(arm, prepared, english.subset(kept), None, classes)
        return head.logits(english.vectors[list(dev)]), list(dev)
    count = len(english.labels)
    numbers = list(range(count))
    if count > MOST_ENGLISH:
        numbers = [row * count // MOST_ENGLISH for row in range(MOST_ENGLISH)]
    rows = english.subset(numbers)
    folds = stratified_group_folds(strata_of(rows.labels.tolist()), rows.groups, ENGLISH_FOLDS)
    logits = torch.full((len(numbers), classes), torch.nan, dtype=torch.float64)
    for fold in sorted(set(folds)):
        left = [row for row, number in enumerate(folds) if number == fold]
        kept = [row for row, number in enumerate(folds) if number != fold]
        if kept:
            logits[left] = fit_head(arm, prepared, rows.subset(kept), None, classes).logits(rows.vectors[left])
    return logits, numbers


def without_groups(english: Rows | None, groups: set[str]) -> Rows | None:
    """The English rows of other groups; None if there are none."""
    if english is None:
        return None
    kept = [row for row, group in enumerate(english.groups) if group not in groups]
    return english if len(kept) == len(english.groups) else english.subset(kept) if kept else None
