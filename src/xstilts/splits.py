"""Which split a group falls into: decided by a hash, so the same in every language and on every machine."""

import hashlib
from collections.abc import Mapping


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
