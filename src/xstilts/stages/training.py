"""Common to intermediate, target and few-shot training: freezing, inputs, scoring and facts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import polars as pl
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.config.training import HeadStart, Train
from xstilts.metrics import metric
from xstilts.models.collate import PaddingStyle
from xstilts.models.inputs import ImageLookup, ModelInputs, required_padding
from xstilts.models.multimodal.image_features import ImageFeatures
from xstilts.models.speed.activation_cache import FrozenLayers
from xstilts.models.speed.first_token import use_first_token
from xstilts.models.speed.vocabulary import ReducedVocabulary, reduce_vocabulary
from xstilts.models.split import truncate
from xstilts.models.tuning import boundary, enable_gradient_checkpointing, freeze, set_dropout
from xstilts.problems import Example, ProblemName
from xstilts.problems.features import Feature
from xstilts.problems.scores import score_frame
from xstilts.store.model_facts import TrainingFacts
from xstilts.tasks.task import Task
from xstilts.train.fit import TrainingResult
from xstilts.train.predict import predict


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainableModel:
    """A model, its trained part, and how inputs are built for it.

    `trained_part` is `model` itself, or its layers above the frozen ones.
    """

    model: PreTrainedModel
    trained_part: PreTrainedModel
    problem: ProblemName
    first_trained_layer: int | None
    pad_id: int
    device: str
    train: Train
    vocabulary: ReducedVocabulary | None
    frozen_prefix: FrozenLayers | None
    image_lookup: ImageLookup | None = None
    padding_style: PaddingStyle | None = None

    def inputs(self, features: Sequence[Feature]) -> ModelInputs:
        """Inputs of the trained part: cached activations if lower layers are frozen."""
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
    """Apply the training settings to `model`. Trained embeddings are reduced to the rows of the token ids `used()`.

    `used` None leaves the embeddings as they are, for instance if the encoder is shared and already reduced.
    """
    freeze(model, train)
    set_dropout(model, train.dropout)
    if train.gradient_checkpointing:
        enable_gradient_checkpointing(model)
    first_trained_layer = boundary(model, train)
    trains_embeddings = first_trained_layer is None and not train.freeze_embeddings and not train.frozen_layers
    pad_id = cast(int, tokenizer.pad_token_id)
    vocabulary = reduce_vocabulary(model, used() | {pad_id}) if trains_embeddings and used is not None else None
    model.to(device)  # type: ignore[arg-type]
    upper_layers = model if first_trained_layer is None else truncate(model, first_trained_layer)
    return TrainableModel(
        model=model,
        trained_part=use_first_token(upper_layers, problem),
        problem=problem,
        first_trained_layer=first_trained_layer,
        pad_id=pad_id,
        device=device,
        train=train,
        vocabulary=vocabulary,
        frozen_prefix=frozen_prefix,
        image_lookup=image_lookup(image_features),
        padding_style=required_padding(model, tokenizer),
    )


def image_lookup(image_features: ImageFeatures | None) -> ImageLookup | None:
    return None if image_features is None else image_features.tensor


def scored_items(task: Task, examples: Sequence[Example], predicted: Sequence[Any]) -> pl.DataFrame:
    """The items of one language with their statistics, in the columns of `xstilts.problems.scores.score_frame`."""
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
    model: PreTrainedModel,
    inputs: ModelInputs,
    examples: Sequence[Example],
    labels: Sequence[str],
    task: Task,
    thresholds: Sequence[float] | None = None,
) -> Callable[[], float]:
    """A function that scores the current weights on development examples by the task's metric."""
    measure = metric(task.metric)
    return lambda: measure.score(scored_items(task, examples, predict(model, inputs, examples, labels, thresholds)))


def training_facts(
    fitted: TrainingResult | None, before: str, after: str, head_start: HeadStart = "random", *, refit: bool = False
) -> TrainingFacts:
    """The facts of every training stage. `fitted` is None for closed-form heads."""
    return TrainingFacts(
        steps=fitted.steps if fitted else 0,
        step_kept=fitted.step_kept if fitted else 0,
        first_loss=fitted.first_loss if fitted else None,
        last_loss=fitted.last_loss if fitted else None,
        curve=fitted.curve if fitted else (),
        weights_before=before,
        weights_after=after,
        head_start=head_start,
        refit=refit,
    )


def count_untouched_layers(first_trained_layer: int | None, frozen_prefix: FrozenLayers | None) -> int | None:
    """The number of lowest layers that still equal the pretrained ones; None if the embeddings differ."""
    if first_trained_layer is None or frozen_prefix is None:
        return None
    return min(first_trained_layer, frozen_prefix.layers)
