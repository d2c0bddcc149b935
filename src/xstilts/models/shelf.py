"""What takes long to make and stages have in common, activations of untrained layers above all, kept by a worker.

Layers that no stage of a lineage trains give the same activations in every arm, seed and draw. What is kept never
depends on what was computed before it: each entry is made from its own features alone, in batches of its own.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from xstilts.data.features import Feature

BUDGET = 1 << 29
"""Bytes that a worker keeps; the least recently used go first."""


@dataclass(slots=True)
class Shelf:
    budget: int = BUDGET
    entries: OrderedDict[Hashable, Sequence[Tensor]] = field(default_factory=OrderedDict)
    taken: int = 0
    """Bytes of all entries."""

    def get(self, key: Hashable, make: Callable[[], Sequence[Tensor]]) -> Sequence[Tensor]:
        """The entry of that key, made if it is not there."""
        if key not in self.entries:
            self.entries[key] = made = make()
            self.taken += _size(made)
        self.entries.move_to_end(key)
        while len(self.entries) > 1 and self.taken > self.budget:
            self.taken -= _size(self.entries.popitem(last=False)[1])
        return self.entries[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The lowest `layers` of a model are still as `origin` published them (0: the embeddings alone are)."""

    layers: int
    origin: str
    shelf: Shelf


def digest(features: Sequence[Feature]) -> str:
    """The sha256 of what the model reads."""
    return hashlib.sha256(repr([(feature.ids, feature.types) for feature in features]).encode()).hexdigest()


def _size(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
