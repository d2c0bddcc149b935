"""The model that the episodes of a job adapt: loaded once, reset before every episode."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.tokenised import token_ids
from xstilts.methods import METHODS
from xstilts.models.extend_head import extend_head
from xstilts.models.families import Pooling
from xstilts.models.inputs import ModelInputs
from xstilts.models.split import layers
from xstilts.models.tuning import load_weights, snapshot
from xstilts.planning.fewshot_spec import FewshotStage, Keep
from xstilts.planning.stage import Data, Modality
from xstilts.recipe.resolve import fixed_shot_sets
from xstilts.stages.artifacts import build_model, cached_tokenizer, encoder_folder, load_model, text_pooling
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.shots import with_new_labels
from xstilts.stages.training import TrainableModel, make_trainable
from xstilts.tasks.task import Task
from xstilts.train.fit import seed_of


class InputsKey(NamedTuple):
    """A split as an episode model reads it. `split` None: the training examples of `data` whose labels the head has."""

    data: Data
    split: str | None
    modality: Modality | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeModelKey:
    """Episodes of a job with equal keys share a model."""

    parent: str
    train: Train
    freezes_encoder: bool
    head_seed: int | None
    """None for the parent's head."""
    keep: Keep
    new_labels: tuple[str, ...]
    """Classes of the shots that the parent's head lacks."""
    texts: frozenset[tuple[Data, str]] | None
    """The splits whose sub-words the embeddings are reduced to; None for full embeddings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeModel:
    """A model with the weights that every episode starts from, `initial`."""

    trainable: TrainableModel
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]
    initial: dict[str, Tensor]
    pooling: Pooling
    """Of a closed-form head for texts."""
    thresholds: tuple[float, ...] | None = None
    """Of the target stage, fitted on its dev split."""
    _inputs: dict[InputsKey, ModelInputs] = field(default_factory=dict)

    def inputs(self, key: InputsKey, make: Callable[[], ModelInputs]) -> ModelInputs:
        """The inputs for this key, computed by `make` at the first call."""
        if key not in self._inputs:
            self._inputs[key] = make()
        return self._inputs[key]

    def reset(self) -> None:
        load_weights(self.trainable.trained_part, self.initial)
        for name, parameter in self.trainable.trained_part.named_parameters():
            if name in self.initial:
                parameter.requires_grad_(True)


EPISODE_MODELS = Slot[EpisodeModelKey, EpisodeModel]("models that episodes start from")


def load_episode_model(spec: FewshotStage, context: JobContext) -> EpisodeModel:
    """The episode model of a spec, with its initial weights."""
    train = train_settings(spec)
    full_embeddings = train.frozen_layers or train.freeze_embeddings or spec.method.freezes_encoder
    key = EpisodeModelKey(
        parent=spec.parent,
        train=train,
        freezes_encoder=spec.method.freezes_encoder,
        head_seed=spec.seed if spec.fresh_head else None,
        keep=spec.keep,
        new_labels=spec.new_labels or (),
        texts=None if full_embeddings else frozenset(_splits_of_job(spec, context.task(spec.evaluation.task))),
    )
    episode_model = context.cached(EPISODE_MODELS, key, lambda: _load(spec, train, context))
    episode_model.reset()
    return episode_model


def train_settings(spec: FewshotStage) -> Train:
    return spec.method.train_settings(spec.train)


def split_inputs(
    data: Data, split: str, context: JobContext, episode_model: EpisodeModel, modality: Modality | None
) -> ModelInputs:
    """Features (and activations) of a split, computed once per job."""

    def make() -> ModelInputs:
        trainable, examples = episode_model.trainable, context.examples(data, split)
        labels, max_length = episode_model.labels if split == "train" else None, trainable.train.max_length
        features = featurise(trainable.problem, examples, episode_model.tokenizer, labels, max_length, modality)
        return trainable.inputs(features)

    return episode_model.inputs(InputsKey(data, split, modality), make)


def _load(spec: FewshotStage, train: Train, context: JobContext) -> EpisodeModel:
    store, environment = context.store, context.environment
    problem = context.task(spec.evaluation.task).problem
    tokenizer = cached_tokenizer(encoder_folder(store, spec.parent, environment))
    if spec.fresh_head:
        labels = with_new_labels(context.labels(spec.data), spec)
        seed = seed_of(spec.seed, "head", spec.evaluation.task)
        model, _ = build_model(store, spec.parent, environment, problem, labels or None, seed, spec.head)
        thresholds = None
    else:
        loaded = load_model(store, spec.parent, environment)
        model, labels, thresholds = loaded.model, with_new_labels(loaded.labels, spec), loaded.thresholds
        if labels != loaded.labels:
            extend_head(model, loaded.labels, labels, seed_of(spec.seed, "new labels", spec.evaluation.task))
    if spec.method.freezes_encoder:
        train = train.model_copy(update={"frozen_layers": len(layers(model))})

    def used_tokens() -> set[int]:
        splits = _splits_of_job(spec, context.task(spec.evaluation.task))
        examples = [example for data, split in splits for example in context.examples(data, split)]
        return token_ids(featurise(problem, examples, tokenizer, None, train.max_length))

    used = None if spec.keep == "all" else used_tokens
    frozen_prefix = context.frozen_prefix(spec.parent)
    trainable = make_trainable(
        model, problem, tokenizer, train, environment.device, used, frozen_prefix, context.image_features
    )
    initial = snapshot(trainable.trained_part)
    return EpisodeModel(
        trainable=trainable,
        tokenizer=tokenizer,
        labels=labels,
        initial=initial,
        pooling=text_pooling(store, spec.parent, model.config),
        thresholds=thresholds,
    )


def _splits_of_job(spec: FewshotStage, task: Task) -> tuple[tuple[Data, str], ...]:
    """All splits that any episode of the job may read, whichever are missing: with every method, selection on English
    development data, every published set, and every language that the model is trained for."""
    names = fixed_shot_sets(task, spec.evaluation.language) if spec.fixed_shots else (None,)
    limit = spec.evaluation.max_examples
    scored = [replace(pool, max_examples=limit) for pool in spec.multilingual or (spec.evaluation,)]
    episodes = [
        replace(spec, method=kind(), selection=selection, fixed_shots=name, evaluation=evaluation)
        for kind, selection, name, evaluation in product(
            METHODS.values(), {spec.selection, "english_dev"}, names, scored
        )
    ]
    return tuple(dict.fromkeys((read.data, read.split) for episode in episodes for read in episode.splits_read))
