"""Which examples share a step: grouped by length, within a budget of tokens."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

POOL = 50
"""Batches' worth of shuffled examples that are sorted by length together: little padding, yet a fresh mix."""


def training_batches(
    lengths: Sequence[int], *, batch_size: int, batch_tokens: int, rng: np.random.Generator
) -> Iterator[list[int]]:
    """Indices of one batch after another, for ever; every pass holds each example once."""
    while True:
        order = rng.permutation(len(lengths))
        pools = [order[start : start + POOL * batch_size] for start in range(0, len(order), POOL * batch_size)]
        batches = [
            batch
            for pool in pools
            for batch in _cut(sorted(pool.tolist(), key=lengths.__getitem__), lengths, batch_size, batch_tokens)
        ]
        for position in rng.permutation(len(batches)):
            yield batches[position]


def scoring_batches(lengths: Sequence[int], *, batch_size: int = 64, batch_tokens: int = 8192) -> list[list[int]]:
    """All indices once, in an order that depends on the lengths alone."""
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    return list(_cut(order, lengths, batch_size, batch_tokens))


def enough(count: int, steps: int, *, batch_size: int, rng: np.random.Generator) -> list[int]:
    """Indices, ascending, of as many of `count` examples as the steps can use: all, or a random part.

    What no step will see need not be read, nor run through frozen layers.
    """
    used = steps * batch_size
    return list(range(count)) if used >= count else sorted(rng.permutation(count)[:used].tolist())


def count_steps(lengths: Sequence[int], *, epochs: float, batch_size: int, batch_tokens: int) -> int:
    """Steps of that many passes, reckoned on the examples in order of length."""
    batches = len(scoring_batches(lengths, batch_size=batch_size, batch_tokens=batch_tokens))
    return max(1, math.ceil(epochs * batches))


def _cut(order: Sequence[int], lengths: Sequence[int], batch_size: int, batch_tokens: int) -> Iterator[list[int]]:
    """Consecutive runs of `order`, which rises in length, so that the last one's length is the padded one."""
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) == batch_size or (len(batch) + 1) * lengths[index] > batch_tokens):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
