"""The cache that the stages of one job share: tasks, examples, models and activations."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from xstilts.data.benchmark_files import bind
from xstilts.data.load import load, read_examples, rows_left_out
from xstilts.data.user_files import user_task
from xstilts.errors import DataError, StageError, UserError
from xstilts.execution.environment import Environment
from xstilts.models.multimodal.image_features import ImageFeatures
from xstilts.models.speed.activation_cache import ActivationCache, FrozenLayers
from xstilts.planning.stage import Data
from xstilts.problems import Example
from xstilts.stages.artifacts import base_encoder, open_image_features
from xstilts.store.facts import PretrainedFacts, TrainedFacts, UnusableImages
from xstilts.store.store import Store
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

TRANSLATIONS_FILE = "examples.jsonl"
"""File with the examples of a translate stage."""

ALL_LAYERS = 1 << 16
"""More layers than any encoder has."""


@dataclass(frozen=True, eq=False)
class Slot(Generic[K, V]):
    """A kind of value that a job caches by key. Slots are constants of the module that computes the values."""

    name: str
    latest_only: bool = False
    """Whether only the value of the last key is cached, because values are large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableExamples:
    examples: tuple[Example, ...]
    unusable: UnusableImages
    """The images that cannot be read, and the number of excluded examples."""


TASKS = Slot[str, Task]("tasks")
EXAMPLES = Slot[tuple[Data, str], UsableExamples]("examples of a split")
LABELS = Slot[Data, tuple[str, ...]]("labels of a training split")
IMAGE_FEATURES = Slot[str, ImageFeatures]("image features, by artifact")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """Everything that it caches lives as long as the job."""

    environment: Environment
    store: Store
    activation_cache: ActivationCache
    """Shared with later jobs of the worker, within its memory budget."""
    parent: str | None = None
    """The artifact whose encoder, and so whose image features, the stages of the job use."""
    _values: dict[Slot[Any, Any], dict[Any, Any]] = field(default_factory=dict)

    def cached(self, slot: Slot[K, V], key: K, make: Callable[[], V]) -> V:
        """The value for this key of the slot, computed by `make` at the first call."""
        values = self._values.setdefault(slot, {})
        if key not in values:
            if slot.latest_only:
                values.clear()
            values[key] = make()
        return values[key]

    def task(self, name: str) -> Task:
        return self.cached(TASKS, name, lambda: self._task(name))

    def examples(self, data: Data, split: str) -> tuple[Example, ...]:
        """The examples of a split, capped, without those whose images cannot be read. Raises DataError if there are
        none."""
        examples = self._split(data, split).examples
        if not examples:
            raise DataError(f"task {data.task!r} has no examples in {data.language}, split {split!r}")
        return examples

    def all_examples(self, data: Data, split: str) -> tuple[Example, ...]:
        """The examples of a native split, neither capped nor filtered."""
        environment, task = self.environment, self.task(data.task)
        return load(task, data.language, split, cache=environment.cache, offline=environment.offline)

    def rows_left_out(self, data: Data, split: str) -> int:
        """The number of published rows of a split that are no examples, before any cap."""
        return rows_left_out(self.task(data.task), data.language, split, self.environment.cache)

    @property
    def image_features(self) -> ImageFeatures | None:
        """The image features that the encoder of `parent` reads; None for a text encoder."""
        if self.parent is None:
            return None
        encoder = base_encoder(self.store, self.parent)
        if (fusion := encoder.fusion) is None:
            return None
        return self.cached(
            IMAGE_FEATURES,
            self.parent,
            lambda: open_image_features(encoder.name, encoder.pin, fusion, self.environment),
        )

    def unusable_images(self, data: Data, split: str) -> UnusableImages:
        """The images of a split that cannot be read, with the reason, and the number of their examples."""
        return self._split(data, split).unusable

    def labels(self, data: Data) -> tuple[str, ...]:
        """The labels of a head: the task's, or else the sorted classes or tags of the training split."""
        if labels := self.task(data.task).labels:
            return labels
        return self.cached(LABELS, data, lambda: _labels(self.examples(data, "train")))

    def file_columns(self, task: str) -> dict[str, str] | None:
        """The column names of a user's task, by field; None for a built-in task."""
        block = self.environment.tasks.get(task)
        return None if block is None else dict(block.columns)

    def frozen_prefix(self, key: str) -> FrozenLayers | None:
        """The lowest layers that equal the pretrained ones, with the embeddings; None if the embeddings differ."""
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
        if block := environment.tasks.get(name):
            return user_task(name, block, environment.base, environment.cache)
        return bind(
            load_task(name),
            root=environment.data_root,
            cache=environment.cache,
            offline=environment.offline,
            partition=environment.partition.get(name),
        )

    def _split(self, data: Data, split: str) -> UsableExamples:
        return self.cached(EXAMPLES, (data, split), lambda: self._usable(data, split))

    def _usable(self, data: Data, split: str) -> UsableExamples:
        if data.translated and split == "train":
            examples = self._translations(data, data.translated)
        else:
            examples = cap(self.all_examples(data, split), data.max_examples)
        if not any(example.shown_images for example in examples[:1]):
            return UsableExamples(examples=examples, unusable=UnusableImages(images={}, items=0))
        if (image_features := self.image_features) is None:
            raise UserError(
                f"task {data.task!r} has images, but the encoder reads none",
                "use an encoder that reads images, such as e5-small+efficientnet-lite0",
            )
        broken = image_features.missing([image for example in examples for image in example.shown_images])
        usable = tuple(example for example in examples if not broken.keys() & set(example.shown_images))
        if not usable:
            image, reason = next(iter(broken.items()))
            raise DataError(f"no image of task {data.task!r} ({data.language}, {split}) can be read; {image}: {reason}")
        unusable = UnusableImages(images=broken, items=len(examples) - len(usable))
        return UsableExamples(examples=usable, unusable=unusable)

    def _translations(self, data: Data, key: str) -> tuple[Example, ...]:
        path = self.store.path(key) / TRANSLATIONS_FILE
        if not path.is_file():
            raise StageError(
                f"the translation of {data.task!r} into {data.language!r} ({key[:12]}) is not in the store",
                "restore the missing artifact, or delete the stages that depend on it and rerun",
            )
        return read_examples(path, self.task(data.task).spec.example)


def cap(examples: Sequence[Example], limit: int | None) -> tuple[Example, ...]:
    """At most `limit` examples, in their order, chosen by a hash of their ids. Larger caps include smaller ones.

    Examples are chosen individually, not by group, so that few examples cover many groups. Exception: a sentence for
    mining is chosen together with its translation.
    """
    if limit is None or len(examples) <= limit:
        return tuple(examples)
    ranked = sorted(examples, key=lambda example: hashlib.sha256(example.sampling_id.encode()).digest())
    chosen = {example.id for example in ranked[:limit]}
    return tuple(example for example in examples if example.id in chosen)


def _labels(examples: Sequence[Example]) -> tuple[str, ...]:
    return tuple(sorted({label for example in examples for label in example.classes} - {""}))
