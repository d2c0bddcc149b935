"""What the stages of one job share: tasks, examples, models and activations, each made once."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from xstilts.data.load import load
from xstilts.data.userfiles import user_task
from xstilts.engine.store import Store
from xstilts.errors import DataError
from xstilts.examples import Example
from xstilts.stages.environment import Environment
from xstilts.stages.specs import Data
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Lives as long as a job; nothing in it outlives the job, so a worker's memory does not grow."""

    environment: Environment
    store: Store
    memory: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made at the first call for this key."""
        if key not in self.memory:
            self.memory[key] = make()
        return self.memory[key]

    def task(self, name: str) -> Task:
        own = self.environment.tasks.get(name)
        return self.once(
            ("task", name), lambda: user_task(name, own, self.environment.base) if own else load_task(name)
        )

    def examples(self, data: Data, split: str) -> tuple[Example, ...]:
        """The examples of a split, capped: the same items whatever the cap's neighbours are.

        Raises DataError where there are none.
        """
        found = self.once(("examples", data, split), lambda: self._read(data, split))
        if not found:
            raise DataError(f"task {data.task!r} has no examples in {data.language}, split {split!r}")
        return found

    def labels(self, data: Data) -> tuple[str, ...]:
        """Classes or tags of the training split, sorted: the outputs of a head."""
        return self.once(("labels", data), lambda: _labels(self.examples(data, "train")))

    def _read(self, data: Data, split: str) -> tuple[Example, ...]:
        environment = self.environment
        found = load(self.task(data.task), data.language, split, cache=environment.cache, offline=environment.offline)
        return cap(found, data.max_examples)


def cap(examples: Sequence[Example], most: int | None) -> tuple[Example, ...]:
    """At most so many examples, whole groups first to be kept in an order that no other setting changes."""
    if most is None or len(examples) <= most:
        return tuple(examples)
    kept = {example.id for example in sorted(examples, key=_rank)[:most]}
    return tuple(example for example in examples if example.id in kept)


def _rank(example: Example) -> tuple[bytes, bytes]:
    return tuple(hashlib.sha256(text.encode()).digest() for text in (example.group, example.id))  # type: ignore[return-value]


def _labels(examples: Sequence[Example]) -> tuple[str, ...]:
    found: set[str] = set()
    for example in examples:
        found |= {getattr(example, "label", None) or ""} | set(getattr(example, "tags", None) or ())
    return tuple(sorted(found - {""}))
