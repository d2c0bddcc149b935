"""Names of splits, and the assignment of groups to splits by a hash, identical in every language and on any machine."""

import hashlib
from collections.abc import Iterable, Mapping
from math import prod

SHOTS = "shots-"
"""Prefix of the splits that are published few-shot sets."""
TRANSLATED = "-mt"
"""Suffix of the splits that are machine translations into English."""


def shots_split(k: int | str) -> str:
    """The split of the published few-shot set `k`."""
    return f"{SHOTS}{k}"


def count_of(k: int | str) -> int:
    """Number of units in a few-shot set: 500 for 100x5."""
    return prod(map(int, str(k).split("x")))


def translated(split: str) -> str:
    """The split with the same examples, machine-translated into English."""
    return f"{split}{TRANSLATED}"


def few_shot_sets(splits: Iterable[str]) -> tuple[str, ...]:
    """The values of k of the published few-shot sets among `splits`."""
    return tuple(split.removeprefix(SHOTS) for split in splits if split.startswith(SHOTS))


def repeats(split: str) -> bool:
    """Whether a split repeats examples of other splits under the same ids: a few-shot set or a translation."""
    return split.startswith(SHOTS) or split.endswith(TRANSLATED)


def assign(group: str, fractions: Mapping[str, float], salt: str) -> str:
    """The split of `group`, chosen by the SHA-256 of `salt` and `group` as a uniform number in [0, 1).

    `fractions` are the shares of the splits, in order. Raises ValueError if one is negative or they do not sum to 1.
    """
    if not fractions or abs(sum(fractions.values()) - 1) > 1e-9 or min(fractions.values()) < 0:
        raise ValueError(f"the fractions of a split must be positive and sum to 1, not {dict(fractions)}")
    digest = hashlib.sha256(f"{salt}\0{group}".encode()).digest()
    position = int.from_bytes(digest[:6], "big") / 2**48
    upper = 0.0
    for split, fraction in fractions.items():
        upper += fraction
        if position < upper:
            return split
    return [split for split, fraction in fractions.items() if fraction > 0][-1]
