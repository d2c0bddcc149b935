"""Folds of cross-validation: groups stay together, and every fold has its share of each class."""

import hashlib
from collections import Counter
from collections.abc import Sequence

FOLDS = 10


def stratified_group_folds(strata: Sequence[str], groups: Sequence[str], folds: int = FOLDS) -> list[int]:
    """The fold of each row, from its class and group.

    Groups are dealt out largest first, each to the fold with the fewest rows of its classes and then the fewest rows;
    ties are broken by a hash, so the order of the rows does not matter. There are at most as many folds as groups.
    """
    members: dict[str, Counter[str]] = {}
    for stratum, group in zip(strata, groups, strict=True):
        members.setdefault(group, Counter())[stratum] += 1
    folds = max(1, min(folds, len(members)))
    rarity = Counter(strata)
    order = sorted(
        members, key=lambda group: (min(rarity[name] for name in members[group]), -members[group].total(), _hash(group))
    )
    filled = [Counter[str]() for _ in range(folds)]
    fold_of: dict[str, int] = {}
    for group in order:
        counts = members[group]
        best = min(
            range(folds),
            key=lambda fold: (
                sum(filled[fold][name] * count for name, count in counts.items()),
                filled[fold].total(),
                fold,
            ),
        )
        filled[best] += counts
        fold_of[group] = best
    return [fold_of[group] for group in groups]


def fold_count(strata: Sequence[str]) -> int:
    """Ten; if all classes have the same number of rows, the largest divisor of it up to ten that is at least three.

    Then every fold leaves out equally many rows of each class. Otherwise a model has fewer rows of just the classes
    that it is scored on, and scores of a few rows are too low (Parker et al. 2007, "Stratification bias in low signal
    microarray studies").
    """
    counts = set(Counter(strata).values())
    divisors = [folds for folds in range(3, FOLDS + 1) if len(counts) == 1 and min(counts) % folds == 0]
    return max(divisors, default=FOLDS)


def strata_of(labels: Sequence[object]) -> list[str]:
    """The class of each row, or its labels, from class ids or lists of 0 and 1."""
    return list(map(str, labels))


def _hash(group: str) -> str:
    return hashlib.sha256(group.encode("utf-8", "surrogatepass")).hexdigest()
