"""What intermediate, target and few-shot training have in common: freeze, feed, fit, and say what changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import polars as pl
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.config.training import Train
from xstilts.metrics import metric
from xstilts.models.collate import PaddingStyle
from xstilts.models.inputs import ImageLookup, ModelInputs, padding_style_of
from xstilts.models.multimodal.image_features import ImageFeatures
from xstilts.models.speed.activation_cache import FrozenLayers
from xstilts.models.speed.first_token import use_first_token
from xstilts.models.speed.vocabulary import Vocabulary, compact
from xstilts.models.split import truncate
from xstilts.models.tuning import boundary, checkpoint_layers, freeze, set_dropout
from xstilts.problems import Example, ProblemName
from xstilts.problems.features import Feature
from xstilts.problems.scores import score_frame
from xstilts.store.facts import TrainingFacts
from xstilts.tasks.task import Task
from xstilts.train.fit import TrainingResult
from xstilts.train.predict import predict


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainableModel:
    """The part of a model that trains, and how data are fed to it.

    `model` is the whole model; `part` what is called: the model, or the layers above the frozen ones, with a
    top layer that gives what the head reads.
    """

    model: PreTrainedModel
    trained_part: PreTrainedModel
    problem: ProblemName
    first_trained_layer: int | None
    pad_id: int
    device: str
    train: Train
    vocabulary: Vocabulary | None
    frozen_prefix: FrozenLayers | None
    image_lookup: ImageLookup | None = None
    padding_style: PaddingStyle | None = None

    def inputs(self, features: Sequence[Feature]) -> ModelInputs:
        """The features as this student reads them: activations where layers below are frozen."""
        inputs = ModelInputs(
            problem=self.problem,
            features=features,
            pad_id=self.pad_id,
            device=self.device,
            vocabulary=self.vocabulary,
            lower=None if self.first_trained_layer is None else self.model,
            boundary=self.first_trained_layer or 0,
            precision=self.train.precision,
            disk=int(1e9 * (self.train.activation_cache_gb or 0)),
            padding_style=self.padding_style,
            image_lookup=self.image_lookup,
        )
        return inputs if self.first_trained_layer is None else inputs.cached(self.frozen_prefix)


def make_trainable(
    model: PreTrainedModel,
    problem: ProblemName,
    tokenizer: PreTrainedTokenizerBase,
    train: Train,
    device: str,
    used: Callable[[], set[int]] | None,
    frozen_prefix: FrozenLayers | None = None,
    image_features: ImageFeatures | None = None,
) -> TrainableModel:
    """Freeze what the settings freeze; where the embeddings train, keep the rows of the sub-words `used` only.

    None leaves the embeddings as they are: those of an encoder that another student has compacted, for one.
    """
    freeze(model, train)
    set_dropout(model, train.dropout)
    if train.gradient_checkpointing:
        checkpoint_layers(model)
    below = boundary(model, train)
    whole = below is None and not train.freeze_embeddings and not train.frozen_layers
    padding = cast(int, tokenizer.pad_token_id)
    vocabulary = compact(model, used() | {padding}) if whole and used is not None else None
    model.to(device)  # type: ignore[arg-type]
    return TrainableModel(
        model=model,
        trained_part=use_first_token(model if below is None else truncate(model, below), problem),
        problem=problem,
        first_trained_layer=below,
        pad_id=padding,
        device=device,
        train=train,
        vocabulary=vocabulary,
        frozen_prefix=frozen_prefix,
        image_lookup=image_lookup(image_features),
        padding_style=padding_style_of(model, tokenizer),
    )


def image_lookup(image_features: ImageFeatures | None) -> ImageLookup | None:
    return None if image_features is None else image_features.tensor


def scored_items(task: Task, examples: Sequence[Example], predicted: Sequence[Any]) -> pl.DataFrame:
    """The items of one language with their statistics, as `xstilts.problems.scores.score_frame` lays them out."""
    return score_frame(
        task.problem,
        [(example.id, example.group) for example in examples],
        task.spec.gold(examples),
        predicted,
        normaliser=task.normaliser,
        language=examples[0].language,
        rows=task.rows_per_item,
    )


def scorer(
    part: PreTrainedModel,
    inputs: ModelInputs,
    examples: Sequence[Example],
    labels: Sequence[str],
    task: Task,
    thresholds: Sequence[float] | None = None,
) -> Callable[[], float]:
    """The task's metric on development examples, with the weights as they are at the call."""
    measure = metric(task.metric)
    return lambda: measure.score(scored_items(task, examples, predict(part, inputs, examples, labels, thresholds)))


def training_facts(fitted: TrainingResult | None, before: str, after: str) -> TrainingFacts:
    """What every trained artifact records; without steps, where weights were solved for."""
    return TrainingFacts(
        steps=fitted.steps if fitted else 0,
        step_kept=fitted.step_kept if fitted else 0,
        first_loss=fitted.first_loss if fitted else None,
        last_loss=fitted.last_loss if fitted else None,
        curve=fitted.curve if fitted else (),
        weights_before=before,
        weights_after=after,
    )


def count_untouched_layers(below: int | None, frozen_prefix: FrozenLayers | None) -> int | None:
    """How many of the lowest layers are as published after a stage that trained what is above `below` layers.

    None where the embeddings are not.
    """
    return None if below is None or frozen_prefix is None else min(below, frozen_prefix.layers)
