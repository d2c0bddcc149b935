"""Samples k shots of a language: numbered, nested, stratified draws.

A draw is an order of the pool that depends only on the draw's number: the shots of k = 4 begin with those of k = 1, and
every arm and seed uses the same shots. Within a class, examples of different groups come first, so that a few shots do
not all come from one template.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal

from xstilts.errors import DataError
from xstilts.plurals import plural
from xstilts.problems import Example


def draw(pool: Sequence[Example], k: int, number: int, unit: Literal["group"] | None = None) -> tuple[Example, ...]:
    """The shots of draw `number`: k examples of each class (all, if a class has fewer), or k examples if there are no
    classes. With the unit "group": all examples of k groups.

    Raises DataError if the pool is empty, or has no classes and fewer than k examples, or fewer than k groups.
    """
    if not pool:
        raise DataError("no examples to sample shots from", "choose another language, or restrict the data less")
    if unit == "group":
        return _draw_groups(pool, k, number)
    classes: dict[str, list[Example]] = defaultdict(list)
    for example in pool:
        classes[example.stratum or ""].append(example)
    if len(classes) == 1 and "" in classes and len(pool) < k:
        raise DataError(
            f"{plural(k, 'shot')} from {plural(len(pool), 'example')} in {pool[0].language}", "lower `fewshot.shots`"
        )
    return tuple(shot for label in sorted(classes) for shot in _spread(classes[label], number)[:k])


def _draw_groups(pool: Sequence[Example], k: int, number: int) -> tuple[Example, ...]:
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in sorted(pool, key=lambda example: example.id):
        groups[example.group].append(example)
    if len(groups) < k:
        raise DataError(
            f"{plural(k, 'shot')} from {plural(len(groups), 'group')} in {pool[0].language}", "lower `fewshot.shots`"
        )
    chosen = sorted(groups, key=lambda group: _rank(group, number))[:k]
    return tuple(example for group in chosen for example in groups[group])


def _spread(examples: Sequence[Example], number: int) -> list[Example]:
    """The examples in the draw's order, one of each group before the second of any."""
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in sorted(examples, key=lambda example: _rank(example.id, number)):
        groups[example.group].append(example)
    rounds = zip_longest(*groups.values())
    return [example for members in rounds for example in members if example is not None]


def _rank(identity: str, number: int) -> bytes:
    return hashlib.sha256(f"{number}\0{identity}".encode()).digest()
