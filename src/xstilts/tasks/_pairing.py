"""Wrong answers that are right ones elsewhere: members of a set that change places with each other, two by two."""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Relation = Callable[[T, T], bool]


def pair_up(members: Iterable[T], salt: str, preferred: Relation[T], allowed: Relation[T]) -> dict[T, T]:
    """Each member with its partner, which has that member as its own.

    In an order that `salt` decides, each takes the first free one that is `wanted` for it; then those who found none
    take the first that is `allowed`, a symmetric relation that holds for all who are wanted. Who is left over has no
    partner.
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
