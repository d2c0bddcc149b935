"""A model on a bench: taken from the store once for a job, adapted again and again."""

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
from xstilts.models.inputs import ModelInputs
from xstilts.models.split import layers
from xstilts.models.tuning import load_weights, snapshot
from xstilts.planning.fewshot_spec import FewshotStage, Keep
from xstilts.planning.stage import Data, Modality
from xstilts.problems.features import Feature
from xstilts.recipe.resolve import fixed_shot_sets
from xstilts.stages.artifacts import build_model, cached_tokenizer, encoder_folder, load_model
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.training import TrainableModel, make_trainable
from xstilts.tasks.task import Task
from xstilts.train.fit import seed_of


class InputsKey(NamedTuple):
    """Examples as an episode model reads them. Without a split: the pool that its labels leave of `data`."""

    data: Data
    split: str | None
    modality: Modality | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeModelKey:
    """What the episodes of a job that share a model have in common."""

    parent: str
    train: Train
    freezes_encoder: bool
    head_seed: int | None
    """None where the head is the parent's."""
    keep: Keep
    texts: frozenset[tuple[Data, str]] | None
    """The splits whose sub-words the embeddings are reduced to; None where they hold all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeModel:
    """A model ready to be adapted again and again: `initial` are the weights that every episode begins with."""

    trainable: TrainableModel
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]
    initial: dict[str, Tensor]
    thresholds: tuple[float, ...] | None = None
    """Those of the target's artifact, fitted on its dev split."""
    _inputs: dict[InputsKey, ModelInputs] = field(default_factory=dict)

    def inputs(self, key: InputsKey, make: Callable[[], ModelInputs]) -> ModelInputs:
        """What `make` gives, made at the first call for this key."""
        if key not in self._inputs:
            self._inputs[key] = make()
        return self._inputs[key]

    def reset(self) -> None:
        load_weights(self.trainable.trained_part, self.initial)
        for name, parameter in self.trainable.trained_part.named_parameters():
            if name in self.initial:
                parameter.requires_grad_(True)


EPISODE_MODELS = Slot[EpisodeModelKey, EpisodeModel]("models that episodes begin with")


def load_episode_model(spec: FewshotStage, context: JobContext) -> EpisodeModel:
    """The bench that an episode needs, as it was when it was made."""
    train = train_settings(spec)
    episode_model = context.cached(EPISODE_MODELS, _key(spec, train, context), lambda: _bench(spec, train, context))
    episode_model.reset()
    return episode_model


def train_settings(spec: FewshotStage) -> Train:
    return spec.method.train_settings(spec.train)


def split_inputs(
    data: Data, split: str, context: JobContext, episode_model: EpisodeModel, modality: Modality | None
) -> ModelInputs:
    """Features (and activations) of a whole split, made once for the job."""

    def make() -> ModelInputs:
        trainable = episode_model.trainable
        examples = context.examples(data, split)
        labels = episode_model.labels if split == "train" else None
        return trainable.inputs(
            featurise(
                trainable.problem, examples, episode_model.tokenizer, labels, trainable.train.max_length, modality
            )
        )

    return episode_model.inputs(InputsKey(data, split, modality), make)


def _key(spec: FewshotStage, train: Train, context: JobContext) -> EpisodeModelKey:
    all_embeddings = train.frozen_layers or train.freeze_embeddings or spec.method.freezes_encoder
    return EpisodeModelKey(
        parent=spec.parent,
        train=train,
        freezes_encoder=spec.method.freezes_encoder,
        head_seed=spec.seed if spec.fresh_head else None,
        keep=spec.keep,
        texts=None if all_embeddings else frozenset(_splits_met(spec, context.task(spec.evaluation.task))),
    )


def _bench(spec: FewshotStage, train: Train, context: JobContext) -> EpisodeModel:
    store, environment = context.store, context.environment
    problem = context.task(spec.evaluation.task).problem
    tokenizer = cached_tokenizer(encoder_folder(store, spec.parent, environment))
    if spec.fresh_head:
        labels = context.labels(spec.data)
        seed = seed_of(spec.seed, "head", spec.evaluation.task)
        model, _ = build_model(store, spec.parent, environment, problem, labels or None, seed)
        thresholds = None
    else:
        loaded = load_model(store, spec.parent, environment)
        model, labels, thresholds = loaded.model, loaded.labels, loaded.thresholds
    if spec.method.freezes_encoder:
        train = train.model_copy(update={"frozen_layers": len(layers(model))})
    used = None if spec.keep == "all" else lambda: token_ids(_texts(spec, context, tokenizer, train))
    frozen_prefix = context.frozen_prefix(spec.parent)
    trainable = make_trainable(
        model, problem, tokenizer, train, environment.device, used, frozen_prefix, context.image_features
    )
    initial = snapshot(trainable.trained_part)
    return EpisodeModel(trainable=trainable, tokenizer=tokenizer, labels=labels, initial=initial, thresholds=thresholds)


def _texts(spec: FewshotStage, context: JobContext, tokenizer: PreTrainedTokenizerBase, train: Train) -> list[Feature]:
    """Features of all texts that an episode of the job can meet; only their sub-words matter."""
    task = context.task(spec.evaluation.task)
    examples = [example for data, split in _splits_met(spec, task) for example in context.examples(data, split)]
    return featurise(task.problem, examples, tokenizer, None, train.max_length)


def _splits_met(spec: FewshotStage, task: Task) -> tuple[tuple[Data, str], ...]:
    """What an episode or another one of its job may read, whichever of them are run: by any method, selected on any
    development data, with any of the fixed sets, scored in any language that the model is trained for."""
    names = fixed_shot_sets(task, spec.evaluation.language) if spec.fixed_shots else (None,)
    most = spec.evaluation.max_examples
    scored = [replace(pool, max_examples=most) for pool in spec.multilingual or (spec.evaluation,)]
    episodes = [
        replace(spec, method=kind(), selection=selection, fixed_shots=name, evaluation=evaluation)
        for kind, selection, name, evaluation in product(
            METHODS.values(), {spec.selection, "english_dev"}, names, scored
        )
    ]
    return tuple(dict.fromkeys((read.data, read.split) for episode in episodes for read in episode.splits_read))
