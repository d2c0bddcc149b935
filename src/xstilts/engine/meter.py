"""Floating-point operations and kept weights of a stage, reckoned from its settings. No torch, and nothing is read.

Operations are those of the encoder, counted once for each card (`EncoderCard.forward_flops`); heads, which are small,
padding, and what the reuse of activations saves are left out. A trained layer costs three forward passes (Kaplan et
al. 2020, arXiv 2001.08361, section 2.1: the backward pass takes twice the forward one), a frozen one costs one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xstilts.encoders import EncoderCard
from xstilts.engine.lengths import Lengths, lengths
from xstilts.engine.plan import Graph
from xstilts.settings import Train
from xstilts.splits import TRANSLATED
from xstilts.stages.specs import (
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MineStage,
    RetrieveStage,
    Spec,
    TargetStage,
    TranslateStage,
)
from xstilts.stages.stage import Data
from xstilts.tasks.task import Task

FORWARD, TRAINED = 1, 3
BYTES = 4
"""Of a parameter: weights are kept in fp32."""


class NotKnownError(Exception):
    """The work of a stage cannot be told; the message says what is missing."""


@dataclass(slots=True, kw_only=True)
class Meter:
    """What single stages of a graph take at most."""

    graph: Graph
    tasks: Mapping[str, Task]
    card: EncoderCard
    used: dict[str, Lengths] = field(default_factory=dict)
    why: dict[str, None] = field(default_factory=dict)
    _examples: dict[tuple[str, int], float] = field(default_factory=dict)

    def flops(self, spec: Spec) -> float | None:
        """Operations of a stage; None where they are not known, and then `why`."""
        try:
            return sum(self._parts(spec))
        except NotKnownError as reason:
            self.why[str(reason)] = None
            return None

    def bytes(self, spec: Spec) -> int | None:
        """Bytes of the weights that a stage leaves: what it may have changed of the encoder."""
        match spec:
            case IntermediateStage() | TargetStage():
                return self._kept(spec.train)
            case FewshotStage() if spec.keep == "all":
                return 0 if spec.method == "head" else self._kept(spec.train)
            case _:
                return 0

    def _parts(self, spec: Spec) -> Iterator[float]:
        match spec:
            case TranslateStage() if spec.model:
                raise NotKnownError(f"what {spec.model} takes to translate")
            case IntermediateStage():
                yield self._intermediate(spec)
            case TargetStage():
                yield from self._target(spec)
            case FewshotStage():
                yield from self._fewshot(spec)
            case EvaluateStage():
                yield self._read(spec.data, spec.split, spec.max_length)
            case RetrieveStage():
                yield self._read(spec.data, spec.split, spec.max_length)
                if spec.centre_split:
                    yield self._read(spec.data, spec.centre_split, spec.max_length)
            case MineStage():
                yield self._read(spec.data, spec.split, spec.max_length)
                yield self._read(spec.data, spec.dev_split, spec.max_length)
            case ChooseLayerStage():
                yield from (self._read(data, spec.split, spec.max_length) for data in spec.data)
            case _:
                yield 0.0

    def _intermediate(self, spec: IntermediateStage) -> float:
        """Every step trains one task, drawn by the stage's sampling."""
        steps = sum(self._steps(data, spec.train) for data in spec.data)
        seen = (
            share * steps * self._batch(data, spec.train) * self._example(data.task, spec.train.max_length)
            for share, data in zip(self._shares(spec), spec.data, strict=True)
        )
        return sum(seen) * self._passes(spec.train)

    def _shares(self, spec: IntermediateStage) -> list[float]:
        if len(spec.data) == 1:
            return [1.0]
        from xstilts.data.mixture import weights  # brings numpy

        return weights([self._size(data, "train") for data in spec.data], spec.sampling).tolist()

    def _target(self, spec: TargetStage) -> Iterator[float]:
        steps = self._steps(spec.data, spec.train)
        if spec.steps_of is not None:
            other = self.graph.stages[spec.steps_of]
            assert isinstance(other, IntermediateStage)
            steps += sum(self._steps(data, other.train) for data in other.data)
        example = self._example(spec.data.task, spec.train.max_length)
        yield steps * self._batch(spec.data, spec.train) * example * self._passes(spec.train)
        yield spec.train.evaluations * self._read(spec.data, "dev", spec.train.max_length)

    def _fewshot(self, spec: FewshotStage) -> Iterator[float]:
        task, train = spec.evaluation.task, spec.train
        shots = spec.shots * self._lengths(task).classes
        example = self._example(task, train.max_length)
        passes = FORWARD if spec.method == "head" else self._passes(train)
        batch = min(shots, self._fitting(task, train))
        steps = train.steps or train.epochs * shots / batch
        yield steps * batch * example * passes
        if spec.method == "joint":
            yield steps * self._batch(spec.data, train) * example * passes
        if spec.selection != "none":
            data = spec.data if spec.selection == "english_dev" else spec.evaluation
            yield (train.evaluations + bool(spec.unchanged)) * self._read(data, "dev", train.max_length)
        yield self._read(spec.evaluation, spec.split, train.max_length)

    def _read(self, data: Data, split: str, max_length: int) -> float:
        """A forward pass over a split."""
        return self._size(data, split) * self._example(data.task, max_length)

    def _steps(self, data: Data, train: Train) -> float:
        return train.steps or train.epochs * self._size(data, "train") / self._batch(data, train)

    def _batch(self, data: Data, train: Train) -> int:
        """Examples in a step."""
        return min(self._size(data, "train"), self._fitting(data.task, train))

    def _fitting(self, task: str, train: Train) -> int:
        return max(1, min(train.batch_size, int(train.batch_tokens / self._lengths(task).mean(train.max_length))))

    def _size(self, data: Data, split: str) -> int:
        """Examples of a split, those of pooled splits by their shares. Raises NotKnownError."""
        task = self.tasks[data.task]
        if data.translated and split == "train":
            raise NotKnownError(f"how much of {data.task} is left in {data.language}, and how long it is")
        sizes = task.sizes.get(data.language, {})
        if task.pool and task.fractions:
            pooled = sum(sizes.get(name, 0) for name in task.pool)
            count = round(pooled * task.fractions.get(split, 0) / sum(task.fractions.values()))
        else:
            count = sizes.get(split) or sizes.get(split.removesuffix(TRANSLATED), 0)
        if not count:
            raise NotKnownError(f"how many examples {data.task} has")
        return min(count, data.max_examples or count)

    def _example(self, task: str, max_length: int) -> float:
        """Operations of a forward pass over an example, on average. Raises NotKnownError."""
        if (task, max_length) not in self._examples:
            if self.card.forward_flops is None:
                raise NotKnownError(f"what a forward pass of {self.card.name} takes")
            first, second = self.card.forward_flops
            found = self._lengths(task)
            total = sum(count * (first * n + second * n * n) for n, count in found.runs(max_length))
            self._examples[task, max_length] = total / len(found.sample)
        return self._examples[task, max_length]

    def _lengths(self, task: str) -> Lengths:
        if task not in self.used:
            if (found := lengths(task)) is None:
                raise NotKnownError(f"how long the examples of {task} are")
            self.used[task] = found
        return self.used[task]

    def _passes(self, train: Train) -> float:
        """Forward passes that one example takes in training, the lower layers frozen."""
        return TRAINED - (TRAINED - FORWARD) * self._frozen(train)

    def _frozen(self, train: Train) -> float:
        """Part of the layers that keep their weights."""
        if not train.frozen_layers:
            return 0.0
        if self.card.layers is None:
            raise NotKnownError(f"how many layers {self.card.name} has")
        return min(train.frozen_layers, self.card.layers) / self.card.layers

    def _kept(self, train: Train) -> int | None:
        card = self.card
        if card.parameters is None:
            return None
        if not train.frozen_layers and not train.freeze_embeddings:
            return BYTES * card.parameters
        if card.embedding_parameters is None or card.layers is None:
            return None
        return round(BYTES * (card.parameters - card.embedding_parameters) * (1 - self._frozen(train)))
