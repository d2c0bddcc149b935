"""What takes long to make and stages have in common, activations of untrained layers above all, kept by a worker.

Layers that no stage of a lineage trains give the same activations in every arm, seed and draw. What is kept never
depends on what was computed before it: each entry is made from its own features alone, in batches of its own.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from torch import Tensor

from xstilts.models.speed.activations import Activations, on_disk
from xstilts.problems.features import Feature

BUDGET = 1 << 29
"""Bytes of memory that a worker keeps; the least recently used go first."""

_Kept = TypeVar("_Kept", bound=Sequence[Tensor])


@dataclass(slots=True)
class ActivationCache:
    budget: int = BUDGET
    entries: OrderedDict[Hashable, Sequence[Tensor]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, make: Callable[[], _Kept]) -> _Kept:
        """The entry of that key, made if it is not there."""
        found = self.entries.pop(key) if key in self.entries else make()
        self._shrink(self.budget - (0 if _on_disk(found) else _size(found)), files=False)
        self.entries[key] = found
        return cast(_Kept, found)

    def evict_for(self, key: Hashable, size: int, disk: int) -> None:
        """Before an entry goes to a file of that size: let go of those that make more than `disk` bytes with it."""
        if key not in self.entries and on_disk(size):
            self._shrink(disk - size, files=True)

    def _shrink(self, budget: int, *, files: bool) -> None:
        """Drop the oldest in memory, or in files, until the rest is within the budget."""
        kept = {key: _size(entry) for key, entry in self.entries.items() if _on_disk(entry) == files}
        for key in list(kept):
            if sum(kept.values()) <= budget:
                return
            kept.pop(key)
            del self.entries[key]


def _size(entry: Sequence[Tensor]) -> int:
    return entry.block.nbytes if isinstance(entry, Activations) else sum(tensor.nbytes for tensor in entry)


def _on_disk(entry: Sequence[Tensor]) -> bool:
    return isinstance(entry, Activations) and entry.block.on_disk


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenLayers:
    """The lowest `layers` of a model are still as `origin` published them (0: the embeddings alone are)."""

    layers: int
    origin: str
    activation_cache: ActivationCache


def digest(features: Sequence[Feature]) -> str:
    """The sha256 of what the model reads."""
    return hashlib.sha256(repr([(feature.ids, feature.types) for feature in features]).encode()).hexdigest()
