"""Names of splits, and which one a group falls into: decided by a hash, so the same in every language and on every
machine."""

import hashlib
from collections.abc import Iterable, Mapping
from math import prod

SHOTS = "shots-"
"""How the names of few-shot sets begin that the publishers of a task fixed."""
TRANSLATED = "-mt"
"""How the names of splits end whose texts a machine translated into English."""


def shots_split(k: int | str) -> str:
    """The split of the published few-shot set `k`."""
    return f"{SHOTS}{k}"


def count_of(k: int | str) -> int:
    """How many units a few-shot set has: 500 in 100x5."""
    return prod(int(part) for part in str(k).split("x"))


def translated(split: str) -> str:
    """The split with the same examples, in machine-made English."""
    return f"{split}{TRANSLATED}"


def few_shot_sets(splits: Iterable[str]) -> tuple[str, ...]:
    """The published few-shot sets among splits, by their k."""
    return tuple(split.removeprefix(SHOTS) for split in splits if split.startswith(SHOTS))


def repeats(split: str) -> bool:
    """Whether a split holds examples of others again, under the same ids: a few-shot set, or a translation."""
    return split.startswith(SHOTS) or split.endswith(TRANSLATED)


def assign(group: str, fractions: Mapping[str, float], salt: str) -> str:
    """The split of `group`: its sha256 with `salt` is a number in [0, 1), which falls into one of `fractions`.

    `fractions` give each split its share, in order, and sum to 1. Raises ValueError if they do not.
    """
    if not fractions or abs(sum(fractions.values()) - 1) > 1e-9 or min(fractions.values()) < 0:
        raise ValueError(f"the fractions of a split must be positive and sum to 1, not {dict(fractions)}")
    digest = hashlib.sha256(f"{salt}\0{group}".encode()).digest()
    position = int.from_bytes(digest[:6], "big") / 2**48
    reached = 0.0
    for split, fraction in fractions.items():
        reached += fraction
        if position < reached:
            return split
    return [split for split, fraction in fractions.items() if fraction > 0][-1]
