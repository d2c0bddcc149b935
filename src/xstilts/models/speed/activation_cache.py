"""A worker's LRU cache of tensors that stages share, mainly activations of frozen layers.

Frozen layers have the same activations in every arm, seed and few-shot sample. An entry is computed from its own
features in its own batches, so it does not depend on earlier entries.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from torch import Tensor

from xstilts.models.speed.activations import Activations, exceeds_memory
from xstilts.problems.features import Feature

BUDGET = 1 << 29
"""Size in bytes of the entries in memory."""

_Entry = TypeVar("_Entry", bound=Sequence[Tensor])


@dataclass(slots=True)
class ActivationCache:
    budget: int = BUDGET
    entries: OrderedDict[Hashable, Sequence[Tensor]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, compute: Callable[[], _Entry]) -> _Entry:
        """The entry of `key`, computed if it is not cached."""
        entry = self.entries.pop(key) if key in self.entries else compute()
        self._shrink(self.budget - (0 if _on_disk(entry) else _size(entry)), files=False)
        self.entries[key] = entry
        return cast(_Entry, entry)

    def evict_for(self, key: Hashable, size: int, disk: int) -> None:
        """Evict file entries so that a new file entry of `size` bytes fits into `disk` bytes."""
        if key not in self.entries and exceeds_memory(size):
            self._shrink(disk - size, files=True)

    def _shrink(self, budget: int, *, files: bool) -> None:
        """Evict the least recently used entries in memory, or in files, until their size is within `budget`."""
        sizes = {key: _size(entry) for key, entry in self.entries.items() if _on_disk(entry) == files}
        for key in list(sizes):
            if sum(sizes.values()) <= budget:
                return
            sizes.pop(key)
            del self.entries[key]


def _size(entry: Sequence[Tensor]) -> int:
    return entry.block.nbytes if isinstance(entry, Activations) else sum(tensor.nbytes for tensor in entry)


def _on_disk(entry: Sequence[Tensor]) -> bool:
    return isinstance(entry, Activations) and entry.block.on_disk


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenLayers:
    """The lowest `layers` layers of a model, and its embeddings, have the weights of the encoder `origin`."""

    layers: int
    origin: str
    activation_cache: ActivationCache


def digest(features: Sequence[Feature]) -> str:
    """The SHA-256 of the token ids and token types."""
    return hashlib.sha256(repr([(feature.ids, feature.types) for feature in features]).encode()).hexdigest()
