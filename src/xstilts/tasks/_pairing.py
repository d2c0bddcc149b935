"""Pairs up the members of a set, to use the right answer of each as the wrong answer of its partner."""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Relation = Callable[[T, T], bool]


def pair_up(members: Iterable[T], salt: str, preferred: Relation[T], allowed: Relation[T]) -> dict[T, T]:
    """Map each member to its partner; the mapping is symmetric.

    In a pseudo-random order given by `salt`, each member takes the first free partner that is `preferred`, then the
    rest take the first that is `allowed`. `allowed` must be symmetric and hold for all preferred pairs. Members without
    a partner are left out.
    """
    order = sorted(members, key=lambda member: digest(f"{salt}|{member}"))
    partners: dict[T, T] = {}
    for fits in (preferred, allowed):
        for member in order:
            if member in partners:
                continue
            free = (other for other in order if other != member and other not in partners)
            if (partner := next((other for other in free if fits(member, other)), None)) is not None:
                partners |= {member: partner, partner: member}
    return partners


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
