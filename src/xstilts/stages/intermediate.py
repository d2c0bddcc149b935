"""Intermediate training: tasks and masked texts, a head each, and only the encoder is handed on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
from transformers import PreTrainedModel

from xstilts.data.mixture import language_probabilities, task_probabilities, task_schedule
from xstilts.data.tokenised import feature_lengths, token_ids
from xstilts.execution.environment import Emit
from xstilts.models.heads import encoder_state
from xstilts.models.sharing import share_encoder
from xstilts.models.tuning import boundary
from xstilts.planning.specs import IntermediateStage
from xstilts.planning.stage import Data
from xstilts.problems import ProblemName
from xstilts.problems.features import Feature
from xstilts.stages.artifacts import (
    base_encoder,
    build_model,
    cached_tokenizer,
    encoder_folder,
    save_weights,
    trainable_tensors,
    weights_digest,
)
from xstilts.stages.job_context import JobContext
from xstilts.stages.mlm import CorpusWindows, MlmTrainer, make_mlm_trainer, read_corpora
from xstilts.stages.progress import step_reporter
from xstilts.stages.tokenise import load_features
from xstilts.stages.training import TrainableModel, count_untouched_layers, make_trainable, training_facts
from xstilts.store.facts import IntermediateFacts
from xstilts.store.store import Draft
from xstilts.train.fit import Objective, examples_used, fit, seed_of, steps_of
from xstilts.train.optim import decay_of_unused_weights


def run(spec: IntermediateStage, draft: Draft, context: JobContext, emit: Emit) -> None:
    store, spec = context.store, replace(spec, data=_sighted_first(spec.data, context))
    tokenizer = cached_tokenizer(encoder_folder(store, spec.parent, context.environment))
    tasks = by_task(spec.data)
    features = [_features(spec, parts, context, tokenizer) for parts in tasks.values()]
    texts = read_corpora(spec, context, tokenizer)
    order = _order(spec, features, texts)
    features = [
        examples_used(found, order.count(number), spec.train, seed_of(spec.seed, "used", task))
        for (number, found), task in zip(enumerate(features), tasks, strict=True)
    ]
    trainables = _pupils(spec, features, context, tokenizer)
    reader = (
        make_mlm_trainer(spec, texts, trainables[0].model if trainables else None, context, tokenizer)
        if texts
        else None
    )
    objectives = [
        Objective(model=trainable.trained_part, batches=trainable.inputs(found))
        for trainable, found in zip(trainables, features, strict=True)
    ]
    objectives += reader.objectives(seed_of(spec.seed, "masks")) if reader else []
    model = trainables[0].model if trainables else cast(MlmTrainer, reader).model.model
    unread = reader.perplexities() if reader else {}
    before = weights_digest(trainable_tensors(model))
    fitted = fit(
        objectives, order, spec.train, seed=seed_of(spec.seed, "intermediate"), report=step_reporter(spec, emit)
    )
    after = weights_digest(trainable_tensors(model))
    if trainables and trainables[0].vocabulary is not None:
        trainables[0].vocabulary.expand(decay_of_unused_weights(spec.train, fitted.steps))
    save_weights(draft.path, model, head=False)
    steps = [order.count(number) for number in range(len(objectives))]
    draft.facts = IntermediateFacts(
        encoder=base_encoder(store, spec.parent),
        inherits=spec.parent,
        training=training_facts(fitted, before, after),
        untouched_layers=count_untouched_layers(boundary(model, spec.train), context.frozen_prefix(spec.parent)),
        restored=tuple(encoder_state(model)),
        steps_by_task=dict(zip(tasks, steps, strict=False)),
        examples_by_task={task: len(used) for task, used in zip(tasks, features, strict=True)},
        mlm=reader.facts(steps[len(trainables) :], unread) if reader else None,
    )


def by_task(data: Sequence[Data]) -> dict[str, tuple[Data, ...]]:
    """What each task is trained on, in all its languages: they share a head."""
    return {name: tuple(part for part in data if part.task == name) for name in dict.fromkeys(d.task for d in data)}


def _sighted_first(data: Sequence[Data], context: JobContext) -> tuple[Data, ...]:
    """Tasks that show images before others: the encoder that all share is the first one's."""
    return tuple(sorted(data, key=lambda part: not context.task(part.task).spec.images))


def _pupils(
    spec: IntermediateStage, features: Sequence[Sequence[Feature]], context: JobContext, tokenizer: Any
) -> list[TrainableModel]:
    """One for each task, over the encoder of the first. Masked-language modelling reaches every row of its table."""
    frozen_prefix, device = context.frozen_prefix(spec.parent), context.environment.device
    trainables: list[TrainableModel] = []
    for task, model in _models(spec, context).items():
        rows = None if trainables or spec.mlm else partial(token_ids, *features)
        if trainables:
            share_encoder(trainables[0].model, model)
        problem = _problem(task, context)
        trainable = make_trainable(
            model, problem, tokenizer, spec.train, device, rows, frozen_prefix, context.image_features
        )
        trainables.append(replace(trainable, vocabulary=trainables[0].vocabulary) if trainables else trainable)
    return trainables


def _problem(task: str, context: JobContext) -> ProblemName:
    return context.task(task).problem


def _models(spec: IntermediateStage, context: JobContext) -> dict[str, PreTrainedModel]:
    models = {}
    for task, parts in by_task(spec.data).items():
        seed, problem = seed_of(spec.seed, "head", task), _problem(task, context)
        labels = _labels(parts, context)
        models[task] = build_model(context.store, spec.parent, context.environment, problem, labels, seed)[0]
    return models


def _labels(parts: Sequence[Data], context: JobContext) -> tuple[str, ...] | None:
    return tuple(sorted({label for data in parts for label in context.labels(data)})) or None


def _features(spec: IntermediateStage, parts: Sequence[Data], context: JobContext, tokenizer: Any) -> Sequence[Feature]:
    labels, length = _labels(parts, context), spec.train.max_length
    features = load_features(context, spec.parent, parts, "train", tokenizer, labels, length)
    return _shuffled(features, seed_of(spec.seed, "shuffle", parts[0].task)) if spec.shuffle_labels else features


def _shuffled(features: Sequence[Feature], seed: int) -> list[Feature]:
    """The features with their targets permuted among those of one length, so that a tag stays on a sub-word."""
    rng = np.random.default_rng(seed)
    rows = list(features)
    by_shape: dict[object, list[int]] = {}
    for number, feature in enumerate(rows):
        shape = len(feature.target) if isinstance(feature.target, list) else 0
        by_shape.setdefault(shape, []).append(number)
    for numbers in by_shape.values():
        for number, other in zip(numbers, rng.permutation(numbers), strict=True):
            rows[number] = replace(rows[number], target=features[other].target)
    return rows


def _order(spec: IntermediateStage, features: Sequence[Sequence[Feature]], texts: Sequence[CorpusWindows]) -> list[int]:
    """One task, or the texts of one language, a step. The steps are those of all of them together."""
    sources = [*features, *([[feature for reading in texts for feature in reading.features]] if texts else [])]
    steps = spec.train.steps or sum(steps_of(feature_lengths(found), spec.train) for found in sources)
    sizes = [len(found) for found in sources]
    if spec.mlm and spec.mlm.weight:
        sizes[-1] = spec.mlm.weight
    shares = task_probabilities(sizes, spec.sampling)
    if spec.mlm:
        languages = language_probabilities([len(reading.features) for reading in texts], spec.mlm.alpha)
        shares = np.concatenate([shares[:-1], shares[-1] * languages])
    return task_schedule(shares, steps, np.random.default_rng(seed_of(spec.seed, "mixture")))
