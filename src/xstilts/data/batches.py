"""Batches of examples of similar length, within a token budget."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

SORT_WINDOW = 8
"""Shuffled examples are sorted by length within windows of this many batches: little padding, still well mixed. With
windows of 50, a thousand examples would form the same batches in every pass, which costs points of zero-shot score."""


def training_batches(
    lengths: Sequence[int], *, batch_size: int, batch_tokens: int, rng: np.random.Generator
) -> Iterator[list[int]]:
    """An endless stream of batches of indices; every epoch contains each example once."""
    while True:
        order = rng.permutation(len(lengths))
        pools = [
            order[start : start + SORT_WINDOW * batch_size] for start in range(0, len(order), SORT_WINDOW * batch_size)
        ]
        batches = [
            batch
            for pool in pools
            for batch in _cut(sorted(pool.tolist(), key=lengths.__getitem__), lengths, batch_size, batch_tokens)
        ]
        for position in rng.permutation(len(batches)):
            yield batches[position]


def scoring_batches(lengths: Sequence[int], *, batch_size: int = 64, batch_tokens: int = 8192) -> list[list[int]]:
    """Batches that contain every index once; their order depends only on the lengths."""
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    return list(_cut(order, lengths, batch_size, batch_tokens))


def examples_needed(count: int, steps: int, *, batch_size: int, rng: np.random.Generator) -> list[int]:
    """The sorted indices of as many of `count` examples as the steps can use: all, or a random subset.

    Examples that no step uses need not be tokenised, nor passed through frozen layers.
    """
    used = steps * batch_size
    return list(range(count)) if used >= count else sorted(rng.permutation(count)[:used].tolist())


def count_steps(lengths: Sequence[int], *, epochs: float, batch_size: int, batch_tokens: int) -> int:
    """The number of steps in this many epochs, computed from batches in order of length."""
    batches = len(scoring_batches(lengths, batch_size=batch_size, batch_tokens=batch_tokens))
    return max(1, math.ceil(epochs * batches))


def _cut(order: Sequence[int], lengths: Sequence[int], batch_size: int, batch_tokens: int) -> Iterator[list[int]]:
    """Consecutive runs of `order`, which is sorted by length, so the last example of a batch sets its padded length."""
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) == batch_size or (len(batch) + 1) * lengths[index] > batch_tokens):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
