"""What the stages of one job share: tasks, examples, models and activations, each made once."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from xstilts.data.benchmark_files import bind
from xstilts.data.load import load, read_examples
from xstilts.data.user_files import user_task
from xstilts.errors import DataError, StageError, UserError
from xstilts.execution.environment import Environment
from xstilts.models.multimodal.image_features import ImageFeatures
from xstilts.models.speed.activation_cache import ActivationCache, FrozenLayers
from xstilts.planning.stage import Data
from xstilts.problems import Example
from xstilts.stages.artifacts import encoder_of, open_image_features
from xstilts.store.facts import PretrainedFacts, TrainedFacts, UnusableImages
from xstilts.store.store import Store
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

T = TypeVar("T")

TRANSLATIONS_FILE = "examples.jsonl"
"""What a stage that translates leaves."""

ALL_LAYERS = 1 << 16
"""More layers than any encoder has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """Lives as long as a job, and with it all that it remembers."""

    environment: Environment
    store: Store
    activation_cache: ActivationCache
    """Outlives the job, within its budget."""
    _values: dict[Hashable, Any] = field(default_factory=dict)

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made at the first call for this key."""
        if key not in self._values:
            self._values[key] = make()
        return self._values[key]

    def cached_latest(self, slot: Hashable, key: Hashable, make: Callable[[], T]) -> T:
        """As `once`, for what is too large to remember more than one of: the last key of the slot."""
        if slot not in self._values or self._values[slot][0] != key:
            self._values.pop(slot, None)
            self._values[slot] = key, make()
        return self._values[slot][1]

    def task(self, name: str) -> Task:
        return self.cached(("task", name), lambda: self._task(name))

    def examples(self, data: Data, split: str) -> tuple[Example, ...]:
        """The examples of a split, capped: the same items whatever the cap's neighbours are.

        Raises DataError where there are none.
        """
        found = self.cached(("examples", data, split), lambda: self._usable(data, split))
        if not found:
            raise DataError(f"task {data.task!r} has no examples in {data.language}, split {split!r}")
        return found

    def use_images_of(self, key: str) -> None:
        """From now on, examples that show images are those whose images this artifact's encoder can read."""
        encoder = encoder_of(self.store, key)
        if (fusion := encoder.fusion) is not None:
            self.cached("gallery", lambda: open_image_features(encoder.name, encoder.pin, fusion, self.environment))

    @property
    def image_features(self) -> ImageFeatures | None:
        return self._values.get("gallery")

    def unusable_images(self, data: Data, split: str) -> UnusableImages:
        """What a split leaves out: images that cannot be read, with the reason, and the number of their examples."""
        self.examples(data, split)
        images, items = self._values.get(("unusable", data, split), ({}, 0))
        return UnusableImages(images=images, items=items)

    def labels(self, data: Data) -> tuple[str, ...]:
        """The task's classes, or else the classes or tags of the training split, sorted: the outputs of a head."""
        if fixed := self.task(data.task).labels:
            return fixed
        return self.cached(("labels", data), lambda: _labels(self.examples(data, "train")))

    def file_columns(self, task: str) -> dict[str, str] | None:
        """The columns of the user's files that a task of the recipe reads, by field; None for a shipped task."""
        block = self.environment.tasks.get(task)
        return None if block is None else dict(block.columns)

    def frozen_prefix(self, key: str) -> FrozenLayers | None:
        """The layers of an artifact that are as published, if its embeddings are."""
        manifest = self.store.manifest(key)
        facts = manifest.facts if manifest else None
        if isinstance(facts, PretrainedFacts):
            layers = ALL_LAYERS
        elif isinstance(facts, TrainedFacts) and facts.untouched_layers is not None:
            layers = facts.untouched_layers
        else:
            return None
        origin = f"{facts.encoder.name} {facts.encoder.pin}"
        return FrozenLayers(layers=layers, origin=origin, activation_cache=self.activation_cache)

    def _task(self, name: str) -> Task:
        environment = self.environment
        if own := environment.tasks.get(name):
            return user_task(name, own, environment.base, environment.cache)
        return bind(
            load_task(name),
            root=environment.data_root,
            cache=environment.cache,
            offline=environment.offline,
            partition=environment.partition.get(name),
        )

    def _read(self, data: Data, split: str) -> tuple[Example, ...]:
        if data.translated and split == "train":
            return self._translations(data, data.translated)
        environment = self.environment
        found = load(self.task(data.task), data.language, split, cache=environment.cache, offline=environment.offline)
        return cap(found, data.max_examples)

    def _usable(self, data: Data, split: str) -> tuple[Example, ...]:
        """Without the examples that show an image which cannot be read."""
        found = self._read(data, split)
        if not any(example.shown_images for example in found[:1]):
            return found
        if self.image_features is None:
            raise UserError(
                f"task {data.task!r} shows images, which the encoder does not read",
                "name an encoder that does, such as e5-small+efficientnet-lite0",
            )
        broken = self.image_features.missing([image for example in found for image in example.shown_images])
        kept = tuple(example for example in found if not broken.keys() & set(example.shown_images))
        self._values["unusable", data, split] = broken, len(found) - len(kept)
        if not kept:
            image, why = next(iter(broken.items()))
            raise DataError(f"no image of task {data.task!r} ({data.language}, {split}) can be read; {image}: {why}")
        return kept

    def _translations(self, data: Data, key: str) -> tuple[Example, ...]:
        path = self.store.path(key) / TRANSLATIONS_FILE
        if not path.is_file():
            raise StageError(
                f"the translation of {data.task!r} into {data.language!r} ({key[:12]}) is not in the store",
                "remove what was trained on it, or give the store back what was taken from it",
            )
        return read_examples(path, self.task(data.task).spec.example)


def cap(examples: Sequence[Example], most: int | None) -> tuple[Example, ...]:
    """At most so many examples, in their order, chosen by their ids alone: a larger cap keeps those of a smaller.

    Chosen one by one and not by group, so that few examples still stem from many groups; but a sentence to be mined
    goes with its translation.
    """
    if most is None or len(examples) <= most:
        return tuple(examples)
    kept = {example.id for example in sorted(examples, key=_rank)[:most]}
    return tuple(example for example in examples if example.id in kept)


def _rank(example: Example) -> bytes:
    return hashlib.sha256(example.cap_id.encode()).digest()


def _labels(examples: Sequence[Example]) -> tuple[str, ...]:
    """The classes that occur, sorted."""
    return tuple(sorted({label for example in examples for label in example.classes} - {""}))
