"""Floating-point operations and kept weights of a stage, reckoned from its settings. No torch, and nothing is read.

Operations are those of the encoder's forward passes (`engine.forward` says what is left out). A trained layer costs
three of them (Kaplan et al. 2020, arXiv 2001.08361, section 2.1: the backward pass takes twice the forward one), a
frozen one costs one. What is scored on images is read twice, the second time beside the images of others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from xstilts.config.splits import TRANSLATED, count_of, shots_split
from xstilts.config.training import Train
from xstilts.encoders import EncoderCard
from xstilts.planning.expand import Graph
from xstilts.planning.forward_flops import ForwardFlops, UnknownCostError
from xstilts.planning.lengths import Lengths
from xstilts.planning.specs import (
    MAX_MEASURED_PAIRS,
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MineStage,
    Modality,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
    TranslateStage,
)
from xstilts.planning.stage import Data
from xstilts.tasks.task import Task

FORWARD, TRAINED = 1, 3
BYTES = 4
"""Of a parameter: weights are kept in fp32."""


@dataclass(slots=True, kw_only=True)
class StageFlops:
    """What single stages of a graph take at most."""

    graph: Graph
    tasks: Mapping[str, Task]
    card: EncoderCard
    unknown_reasons: dict[str, None] = field(default_factory=dict)
    forward: ForwardFlops = field(init=False)

    def __post_init__(self) -> None:
        fusions = (spec.fusion for spec in self.graph.stages.values() if isinstance(spec, PretrainedStage))
        self.forward = ForwardFlops(card=self.card, tasks=self.tasks, fusion=next(fusions, None))

    @property
    def lengths_used(self) -> Mapping[str, Lengths]:
        """The lengths that were needed, by task."""
        return self.forward.lengths_used

    def flops(self, spec: Spec) -> float | None:
        """Operations of a stage; None where they are not known, and then `why`."""
        try:
            return sum(self._parts(spec))
        except UnknownCostError as reason:
            self.unknown_reasons[str(reason)] = None
            return None

    def bytes(self, spec: Spec) -> int | None:
        """Bytes of the weights that a stage leaves: what it may have changed of the encoder."""
        match spec:
            case IntermediateStage() | TargetStage():
                return self._kept(spec.train)
            case FewshotStage() if spec.keep == "all":
                return 0 if spec.method.freezes_encoder else self._kept(spec.train)
            case (
                PretrainedStage()
                | TranslateStage()
                | AlignStage()
                | FewshotStage()
                | EvaluateStage()
                | ChooseLayerStage()
                | RetrieveStage()
                | MineStage()
            ):
                return 0
            case _:
                assert_never(spec)

    def _parts(self, spec: Spec) -> Iterator[float]:
        match spec:
            case TranslateStage() if spec.model:
                raise UnknownCostError(f"what {spec.model} takes to translate")
            case IntermediateStage():
                yield self._intermediate(spec)
            case TargetStage():
                yield from self._target(spec)
            case FewshotStage():
                yield from self._fewshot(spec)
            case AlignStage():
                yield from self._align(spec)
            case EvaluateStage():
                yield self._scored(spec.data, spec.split, spec.max_length, spec.modality)
            case RetrieveStage() | MineStage() | ChooseLayerStage():
                yield from (self._read(read.data, read.split, spec.max_length) for read in spec.splits_read)
            case PretrainedStage() | TranslateStage():
                yield 0.0
            case _:
                assert_never(spec)

    def _intermediate(self, spec: IntermediateStage) -> float:
        """Every step trains one task, drawn by the stage's sampling."""
        steps = sum(self._steps(data, spec.train) for data in spec.data)
        return sum(
            share * steps * self._batch(data, spec.train) * self._trained(data.task, spec.train)
            for share, data in zip(self._shares(spec), spec.data, strict=True)
        )

    def _shares(self, spec: IntermediateStage) -> list[float]:
        if len(spec.data) == 1:
            return [1.0]
        return spec.sampling.shares([self._size(data, "train") for data in spec.data])

    def _target(self, spec: TargetStage) -> Iterator[float]:
        steps = self._steps(spec.data, spec.train)
        if spec.match_steps_of is not None:
            other = self.graph.stages[spec.match_steps_of]
            assert isinstance(other, IntermediateStage)
            steps += sum(self._steps(data, other.train) for data in other.data)
        yield steps * self._batch(spec.data, spec.train) * self._trained(spec.data.task, spec.train, spec.modality)
        yield spec.train.evaluations * self._read(spec.data, "dev", spec.train.max_length, spec.modality)

    def _align(self, spec: AlignStage) -> Iterator[float]:
        """Training runs the layers up to `spec.layer`, which alone is trained. Measuring runs all layers, twice."""
        task, train, sizes = spec.data[0].task, spec.train, [self._size(data, spec.split) for data in spec.data]
        example = self.forward.per_example(task, train.max_length)
        pairs = max(1, round((1 - spec.held_out) * sum(sizes)))
        batch = min(pairs, self._fitting(task, train))
        steps = train.steps or train.epochs * pairs / batch
        trained = TRAINED + FORWARD * bool(train.gradient_checkpointing)
        yield steps * batch * example * ((spec.layer - 1) * FORWARD + trained) / self.forward.depth
        shares = (spec.held_out, 1 - spec.held_out)
        yield 2 * example * sum(min(MAX_MEASURED_PAIRS, share * size) for share in shares for size in sizes)

    def _fewshot(self, spec: FewshotStage) -> Iterator[float]:
        """The training of a model for several languages is shared among its scores."""
        task, train = spec.evaluation.task, spec.train
        shots, together = self._shots(spec) * len(spec.trained_languages), len(spec.trained_languages)
        if not spec.method.takes_steps:
            yield shots * self.forward.per_example(task, train.max_length, spec.modality) / together
            yield self._scored(spec.evaluation, spec.split, train.max_length, spec.modality)
            return
        example = self.forward.per_example(task, train.max_length, spec.modality)
        passed = example if spec.method.freezes_encoder else self._trained(task, train, spec.modality)
        batch = min(shots, self._fitting(task, train))
        steps = train.steps or train.epochs * shots / batch
        yield steps * batch * passed / together
        if spec.method.mixes_english:
            yield steps * self._batch(spec.data, train) * passed / together
        if spec.selection != "none":
            data = spec.data if spec.selection == "english_dev" else spec.evaluation
            looks = train.evaluations + bool(spec.unchanged)
            yield looks * self._read(data, "dev", train.max_length, spec.modality) / together
        yield self._scored(spec.evaluation, spec.split, train.max_length, spec.modality)

    def _shots(self, spec: FewshotStage) -> float:
        """Examples of a language. A published set of unknown size, or a draw of groups, is taken to be in proportion
        to the training split, which holds the largest published set."""
        task, pool = self.tasks[spec.evaluation.task], replace(spec.evaluation, max_examples=None)
        if spec.fixed_shots is None and task.shots_unit is None:
            drawn = spec.shots * self.forward.lengths(task.name).classes
            return min(drawn, task.sizes.get(spec.shots_language, {}).get("train", drawn))
        name = spec.fixed_shots or spec.shots
        if known := task.sizes.get(pool.language, {}).get(shots_split(name)):
            return known
        largest = max(map(count_of, task.fixed_shot_sizes[pool.language]))
        return max(1, self._size(pool, "train") * count_of(name) / largest)

    def _read(self, data: Data, split: str, max_length: int, modality: Modality | None = None) -> float:
        """A forward pass over a split."""
        return self._size(data, split) * self.forward.per_example(data.task, max_length, modality)

    def _scored(self, data: Data, split: str, max_length: int, modality: Modality | None) -> float:
        looks = 2 if self.tasks[data.task].spec.images and modality is None else 1
        return looks * self._read(data, split, max_length, modality)

    def _trained(self, task: str, train: Train, modality: Modality | None = None) -> float:
        """Operations that an example takes in training, the lower layers frozen."""
        trained = TRAINED + FORWARD * bool(train.gradient_checkpointing)
        passes = trained - (trained - FORWARD) * self.forward.frozen_share(task, train, modality)
        return self.forward.per_example(task, train.max_length, modality) * passes

    def _steps(self, data: Data, train: Train) -> float:
        return train.steps or train.epochs * self._size(data, "train") / self._batch(data, train)

    def _batch(self, data: Data, train: Train) -> int:
        """Examples in a step."""
        return min(self._size(data, "train"), self._fitting(data.task, train))

    def _fitting(self, task: str, train: Train) -> int:
        return max(
            1, min(train.batch_size, int(train.batch_tokens / self.forward.lengths(task).mean(train.max_length)))
        )

    def _size(self, data: Data, split: str) -> int:
        """Examples of a split, those of pooled splits by their shares. Raises UnknownCostError."""
        task = self.tasks[data.task]
        if data.translated and split == "train":
            raise UnknownCostError(f"how much of {data.task} is left in {data.language}, and how long it is")
        sizes = task.sizes.get(data.language, {})
        if task.pool and task.fractions:
            pooled = sum(sizes.get(name, 0) for name in task.pool)
            count = round(pooled * task.fractions.get(split, 0) / sum(task.fractions.values()))
        else:
            count = sizes.get(split) or sizes.get(split.removesuffix(TRANSLATED), 0)
        if not count:
            raise UnknownCostError(f"how many examples {data.task} has")
        return min(count, data.max_examples or count)

    def _kept(self, train: Train) -> int | None:
        card = self.card
        if card.parameters is None:
            return None
        if not train.frozen_layers and not train.freeze_embeddings:
            return BYTES * card.parameters
        if card.embedding_parameters is None or card.layers is None:
            return None
        return round(
            BYTES
            * (card.parameters - card.embedding_parameters)
            * (1 - min(train.frozen_layers, card.layers) / card.layers)
        )
