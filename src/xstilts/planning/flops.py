"""Estimated floating-point operations and stored weights of a stage, from its settings. No torch; no file is read.

Operations are those of the encoder's forward passes (see `planning.forward_flops` for what is ignored). A trained layer
costs three forward passes (Kaplan et al. 2020, arXiv 2001.08361, section 2.1: the backward pass costs twice the forward
pass), a frozen layer one. Scored examples with images cost a second pass, for the control with shuffled images.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from xstilts.config.splits import TRANSLATED, count_of, shots_split
from xstilts.config.training import Train
from xstilts.encoders import EncoderCard
from xstilts.methods.auto import FOLDS, Auto
from xstilts.planning.candidates import candidate_episodes
from xstilts.planning.forward_flops import ForwardFlops, UnknownCostError
from xstilts.planning.graph import Graph
from xstilts.planning.lengths import Lengths
from xstilts.planning.specs import (
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MajorityStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
    TranslateStage,
)
from xstilts.planning.stage import Data, Modality, uncapped
from xstilts.planning.training_specs import MAX_MEASURED_PAIRS
from xstilts.tasks.task import Task

FORWARD, TRAINED = 1, 3
"""Cost of a frozen and of a trained layer, in forward passes."""
BYTES = 4
"""Per parameter: weights are stored in fp32."""
ALIGNED_PROJECTIONS = 3
"""Alignment trains at most the projections of queries, keys and values of one layer, each [hidden, hidden]."""


@dataclass(slots=True, kw_only=True)
class StageFlops:
    """Upper bounds for single stages of a graph."""

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
        """The sequence lengths that the estimates used, by task."""
        return self.forward.lengths_used

    def flops(self, spec: Spec) -> float | None:
        """Operations of a stage; None if unknown, with the reason in `unknown_reasons`."""
        try:
            return sum(self._terms(spec))
        except UnknownCostError as reason:
            self.unknown_reasons[str(reason)] = None
            return None

    def steps(self, spec: Spec) -> float | None:
        """Training steps of a stage, estimated from the sizes of its data; None if it has none or they are unknown."""
        try:
            match spec:
                case IntermediateStage() if not spec.mlm:
                    return sum(self._steps(data, spec.train) for data in spec.data)
                case TargetStage():
                    return self._target_steps(spec)
                case AlignStage():
                    return self._align_steps(spec)
                case FewshotStage() if spec.method.takes_steps:
                    return self._fewshot_steps(spec) * (2 if spec.method.mixes_english else 1)
                case _:
                    return None
        except UnknownCostError:
            return None

    def bytes(self, spec: Spec) -> int | None:
        """Bytes of the weights that a stage stores, at most: the encoder's trainable weights. None if unknown."""
        match spec:
            case IntermediateStage() | TargetStage():
                return self._trainable_bytes(spec.train)
            case AlignStage():
                return BYTES * ALIGNED_PROJECTIONS * self.card.hidden**2 if self.card.hidden else None
            case FewshotStage() if spec.keep == "all":
                return 0 if spec.method.freezes_encoder else self._trainable_bytes(spec.train)
            case (
                PretrainedStage()
                | TranslateStage()
                | FewshotStage()
                | EvaluateStage()
                | MajorityStage()
                | ChooseLayerStage()
                | RetrieveStage()
                | MineStage()
            ):
                return 0
            case _:
                assert_never(spec)

    def _terms(self, spec: Spec) -> Iterator[float]:
        match spec:
            case TranslateStage() if spec.model:
                raise UnknownCostError(f"the cost of translating with {spec.model}")
            case IntermediateStage() if spec.mlm:
                raise UnknownCostError("the cost of masked-language modelling")
            case IntermediateStage():
                yield self._intermediate(spec)
            case TargetStage():
                yield from self._target(spec)
            case FewshotStage():
                yield from self._fewshot(spec)
            case AlignStage():
                yield from self._align(spec)
            case EvaluateStage():
                yield self._scoring(spec.data, spec.split, spec.max_length, spec.modality)
            case RetrieveStage() | MineStage() | ChooseLayerStage():
                yield from (self._forward_pass(read.data, read.split, spec.max_length) for read in spec.splits_read)
            case PretrainedStage() | TranslateStage() | MajorityStage():
                yield 0.0
            case _:
                assert_never(spec)

    def _intermediate(self, spec: IntermediateStage) -> float:
        """Each step trains one task, drawn by the stage's sampling."""
        steps = sum(self._steps(data, spec.train) for data in spec.data)
        shares = [1.0]
        if len(spec.data) > 1:
            shares = spec.sampling.shares([self._size(data, "train") for data in spec.data])
        return sum(
            share * steps * self._batch(data, spec.train) * self._training_example(data.task, spec.train)
            for share, data in zip(shares, spec.data, strict=True)
        )

    def _target(self, spec: TargetStage) -> Iterator[float]:
        example = self._training_example(spec.data.task, spec.train, spec.modality)
        yield self._target_steps(spec) * self._batch(spec.data, spec.train) * example
        yield spec.train.evaluations * self._forward_pass(spec.data, "dev", spec.train.max_length, spec.modality)
        if spec.train.refit:
            yield self._forward_pass(spec.data, "train", spec.train.max_length, spec.modality)

    def _target_steps(self, spec: TargetStage) -> float:
        steps = self._steps(spec.data, spec.train)
        if spec.match_steps_of is not None:
            intermediate = self.graph.stages[spec.match_steps_of]
            assert isinstance(intermediate, IntermediateStage)
            steps += sum(self._steps(data, intermediate.train) for data in intermediate.data)
        return steps

    def _align_batch(self, spec: AlignStage) -> tuple[int, int]:
        """The number of training pairs, and of pairs per step."""
        pairs = max(1, round((1 - spec.held_out) * sum(self._size(data, spec.split) for data in spec.data)))
        return pairs, min(pairs, self._max_batch(spec.data[0].task, spec.train))

    def _align_steps(self, spec: AlignStage) -> float:
        if spec.train.steps is not None:
            return spec.train.steps
        pairs, batch = self._align_batch(spec)
        return spec.train.epochs * pairs / batch

    def _align(self, spec: AlignStage) -> Iterator[float]:
        """Training runs the layers up to `spec.layer` and trains only that one. Both measurements run all layers."""
        task, train, sizes = spec.data[0].task, spec.train, [self._size(data, spec.split) for data in spec.data]
        example = self.forward.per_example(task, train.max_length)
        batch, steps = self._align_batch(spec)[1], self._align_steps(spec)
        trained = TRAINED + FORWARD * bool(train.gradient_checkpointing)
        yield steps * batch * example * ((spec.layer - 1) * FORWARD + trained) / self.forward.depth
        shares = (spec.held_out, 1 - spec.held_out)
        yield 2 * example * sum(min(MAX_MEASURED_PAIRS, share * size) for share in shares for size in sizes)

    def _fewshot(self, spec: FewshotStage) -> Iterator[float]:
        """The training cost of a multilingual model is divided among the languages that it is scored in. `auto` costs
        at most all candidates, each once for every fold and once more."""
        if isinstance(spec.method, Auto):
            for episode in candidate_episodes(spec, self.tasks[spec.evaluation.task]).values():
                yield (1 + FOLDS) * sum(self._fewshot(episode))
            return
        task, train, languages = spec.evaluation.task, spec.train, len(spec.trained_languages)
        shots = self._shots(spec) * languages
        example = self.forward.per_example(task, train.max_length, spec.modality)
        if not spec.method.takes_steps:
            yield shots * example / languages
            yield self._scoring(spec.evaluation, spec.split, train.max_length, spec.modality)
            return
        if not spec.method.freezes_encoder:
            example = self._training_example(task, train, spec.modality)
        batch, steps = min(shots, self._max_batch(task, train)), self._fewshot_steps(spec)
        yield steps * batch * example / languages
        if spec.method.mixes_english:
            yield steps * self._batch(spec.data, train) * example / languages
        if spec.selection != "none":
            dev = spec.data if spec.selection == "english_dev" else spec.evaluation
            evaluations = train.evaluations + bool(spec.unchanged)
            yield evaluations * self._forward_pass(dev, "dev", train.max_length, spec.modality) / languages
        yield self._scoring(spec.evaluation, spec.split, train.max_length, spec.modality)

    def _fewshot_steps(self, spec: FewshotStage) -> float:
        """Steps on shots; English batches between them are not counted."""
        train = spec.train
        if train.steps is not None:
            return train.steps
        shots = self._shots(spec) * len(spec.trained_languages)
        return train.epochs * shots / min(shots, self._max_batch(spec.evaluation.task, train))

    def _shots(self, spec: FewshotStage) -> float:
        """Shots of one language. If their number is unknown (a published set, or groups drawn as wholes), it is the
        training split's, scaled by k over the k of the largest published set."""
        task, pool = self.tasks[spec.evaluation.task], uncapped(spec.evaluation)
        if spec.fixed_shots is None and task.shots_unit is None:
            shots = spec.shots * self.forward.lengths(task.name).classes
            return min(shots, task.sizes.get(spec.shots_language, {}).get("train", shots))
        name = spec.fixed_shots or spec.shots
        if size := task.sizes.get(pool.language, {}).get(shots_split(name)):
            return size
        largest = max(map(count_of, task.fixed_shot_sizes[pool.language]))
        return max(1, self._size(pool, "train") * count_of(name) / largest)

    def _forward_pass(self, data: Data, split: str, max_length: int, modality: Modality | None = None) -> float:
        """One pass over a split."""
        return self._size(data, split) * self.forward.per_example(data.task, max_length, modality)

    def _scoring(self, data: Data, split: str, max_length: int, modality: Modality | None) -> float:
        passes = 2 if self.tasks[data.task].spec.has_images and modality is None else 1
        return passes * self._forward_pass(data, split, max_length, modality)

    def _training_example(self, task: str, train: Train, modality: Modality | None = None) -> float:
        """Cost of one example in a training step, with frozen lower layers."""
        trained = TRAINED + FORWARD * bool(train.gradient_checkpointing)
        passes = trained - (trained - FORWARD) * self.forward.frozen_share(task, train, modality)
        return self.forward.per_example(task, train.max_length, modality) * passes

    def _steps(self, data: Data, train: Train) -> float:
        return train.steps or train.epochs * self._size(data, "train") / self._batch(data, train)

    def _batch(self, data: Data, train: Train) -> int:
        """Examples per step."""
        return min(self._size(data, "train"), self._max_batch(data.task, train))

    def _max_batch(self, task: str, train: Train) -> int:
        by_tokens = int(train.batch_tokens / self.forward.lengths(task).mean(train.max_length))
        return max(1, min(train.batch_size, by_tokens))

    def _size(self, data: Data, split: str) -> int:
        """Examples of a split; pooled splits are divided by their fractions. Raises UnknownCostError."""
        task = self.tasks[data.task]
        if data.translated and split == "train":
            raise UnknownCostError(f"the number and length of the translations of {data.task} into {data.language}")
        sizes = task.sizes.get(data.language, {})
        if task.pool and task.fractions:
            pooled = sum(sizes.get(name, 0) for name in task.pool)
            count = round(pooled * task.fractions.get(split, 0) / sum(task.fractions.values()))
        else:
            count = sizes.get(split) or sizes.get(split.removesuffix(TRANSLATED), 0)
        if not count:
            raise UnknownCostError(f"the number of examples of {data.task}")
        return min(count, data.max_examples or count)

    def _trainable_bytes(self, train: Train) -> int | None:
        card = self.card
        if card.parameters is None:
            return None
        if not train.frozen_layers and not train.freeze_embeddings:
            return BYTES * card.parameters
        if card.embedding_parameters is None or card.layers is None:
            return None
        trained_share = 1 - min(train.frozen_layers, card.layers) / card.layers
        return round(BYTES * (card.parameters - card.embedding_parameters) * trained_share)
