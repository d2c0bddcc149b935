"""What intermediate, target and few-shot training have in common: freeze, feed, fit, and say what changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import polars as pl
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.config.training import Train
from xstilts.data.features import Feature
from xstilts.metrics import metric, score_frame
from xstilts.models.collate import Fill
from xstilts.models.inputs import Feed, Look, fill_of
from xstilts.models.multimodal.image_features import Pictures
from xstilts.models.speed.activation_cache import Ground
from xstilts.models.speed.first_token import read_first
from xstilts.models.speed.layer import with_own_backward
from xstilts.models.speed.vocabulary import Vocabulary, compact
from xstilts.models.split import truncate
from xstilts.models.tuning import boundary, checkpoint_layers, freeze, set_dropout
from xstilts.problems.examples import Example
from xstilts.problems.registry import ProblemName
from xstilts.tasks.task import Task
from xstilts.train.fit import Fitted
from xstilts.train.predict import predict


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """The part of a model that trains, and how data are fed to it.

    `model` is the whole model; `part` what is called: the model, or the layers above the frozen ones, with a
    top layer that gives what the head reads.
    """

    model: PreTrainedModel
    part: PreTrainedModel
    problem: ProblemName
    below: int | None
    padding: int
    device: str
    train: Train
    vocabulary: Vocabulary | None
    ground: Ground | None
    look: Look | None = None
    fill: Fill | None = None

    def feed(self, features: Sequence[Feature]) -> Feed:
        """The features as this student reads them: activations where layers below are frozen."""
        feed = Feed(
            problem=self.problem,
            features=features,
            padding=self.padding,
            device=self.device,
            vocabulary=self.vocabulary,
            lower=None if self.below is None else self.model,
            boundary=self.below or 0,
            precision=self.train.precision,
            disk=int(1e9 * (self.train.activations_gb or 0)),
            fill=self.fill,
            look=self.look,
        )
        return feed if self.below is None else feed.cached(self.ground)


def student(
    model: PreTrainedModel,
    problem: ProblemName,
    tokenizer: PreTrainedTokenizerBase,
    train: Train,
    device: str,
    used: Callable[[], set[int]] | None,
    ground: Ground | None = None,
    gallery: Pictures | None = None,
) -> Student:
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
    part = read_first(model if below is None else truncate(model, below), problem)
    return Student(
        model=model,
        part=with_own_backward(part, device),
        problem=problem,
        below=below,
        padding=padding,
        device=device,
        train=train,
        vocabulary=vocabulary,
        ground=ground,
        look=look(gallery),
        fill=fill_of(model, tokenizer),
    )


def look(gallery: Pictures | None) -> Look | None:
    return None if gallery is None else gallery.tensor


def gold(problem: ProblemName, examples: Sequence[Example]) -> list[Any]:
    """What a prediction is compared with, in the form that `xstilts.metrics` expects."""
    if problem == "span":
        return [[answer.text for answer in example.answers] for example in examples]  # type: ignore[attr-defined]
    name = _GOLD[problem]
    values = [getattr(example, name) for example in examples]
    return [list(value) for value in values] if problem == "tagging" else values


_GOLD: Mapping[ProblemName, str] = {
    "classification": "label",
    "choice": "answer",
    "tagging": "tags",
    "image-text": "label",
    "image-retrieval": "image",
}


def scored_items(task: Task, examples: Sequence[Example], predicted: Sequence[Any]) -> pl.DataFrame:
    """The items of one language with their statistics, as `xstilts.metrics.score_frame` lays them out."""
    return score_frame(
        task.problem,
        [(example.id, example.group) for example in examples],
        gold(task.problem, examples),
        predicted,
        normaliser=task.normaliser,
        language=examples[0].language,
        rows=task.rows_per_item,
    )


def scorer(
    part: PreTrainedModel, feed: Feed, examples: Sequence[Example], labels: Sequence[str], task: Task
) -> Callable[[], float]:
    """The task's metric on development examples, with the weights as they are at the call."""
    measure = metric(task.metric)
    return lambda: measure.score(scored_items(task, examples, predict(part, feed, examples, labels)))


def facts_of_fit(fitted: Fitted | None, before: str, after: str) -> dict[str, Any]:
    """What every trained artifact records; without steps, where weights were solved for."""
    steps = asdict(fitted) if fitted else {"steps": 0, "step_kept": 0}
    return {**steps, "weights_before": before, "weights_after": after, "weights_changed": before != after}


def untouched(below: int | None, ground: Ground | None) -> int | None:
    """How many of the lowest layers are as published after a stage that trained what is above `below` layers.

    None where the embeddings are not.
    """
    return None if below is None or ground is None else min(below, ground.layers)
