"""Intermediate training on tasks and masked texts, each with its own head. Only the encoder is stored."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
from transformers import PreTrainedModel

from xstilts.data.mixture import language_probabilities, task_probabilities, task_schedule
from xstilts.data.tokenised import feature_lengths, token_ids
from xstilts.models.heads import encoder_state
from xstilts.models.inputs import ModelInputs
from xstilts.models.sharing import share_encoder
from xstilts.models.tuning import boundary
from xstilts.planning.specs import IntermediateStage
from xstilts.planning.stage import Data
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
from xstilts.stages.head_start import start_head
from xstilts.stages.job_context import JobContext
from xstilts.stages.mlm import CorpusWindows, MlmTrainer, make_mlm_trainer, read_corpora
from xstilts.stages.tokenise import load_features
from xstilts.stages.training import TrainableModel, count_untouched_layers, make_trainable, training_facts
from xstilts.store.facts import IntermediateFacts
from xstilts.store.store import Draft
from xstilts.train.fit import Objective, examples_used, fit, seed_of, steps_of
from xstilts.train.optim import decay_of_unused_weights


def run(spec: IntermediateStage, draft: Draft, context: JobContext) -> None:
    # all tasks share the encoder of the first, so tasks with images come first
    images_first = sorted(spec.data, key=lambda data: not context.task(data.task).spec.has_images)
    store, spec = context.store, replace(spec, data=tuple(images_first))
    tokenizer = cached_tokenizer(encoder_folder(store, spec.parent, context.environment))
    data_by_task = by_task(spec.data)
    features_by_task = {name: _features(spec, data, context, tokenizer) for name, data in data_by_task.items()}
    corpora = read_corpora(spec, context, tokenizer)
    schedule = _schedule(spec, list(features_by_task.values()), corpora)
    features_by_task = {
        name: examples_used(features, schedule.count(number), spec.train, seed_of(spec.seed, "used", name))
        for number, (name, features) in enumerate(features_by_task.items())
    }
    trainables = _trainables(spec, list(features_by_task.values()), context, tokenizer)
    mlm = None
    if corpora:
        mlm = make_mlm_trainer(spec, corpora, trainables[0].model if trainables else None, context, tokenizer)
    objectives = [
        Objective(model=trainable.trained_part, batches=trainable.inputs(features))
        for trainable, features in zip(trainables, features_by_task.values(), strict=True)
    ]
    if mlm:
        objectives += mlm.objectives(seed_of(spec.seed, "masks"))
    starts = [
        start_head(trainable, cast(ModelInputs, objective.batches), spec.train)
        for trainable, objective in zip(trainables, objectives, strict=False)
    ]
    model = trainables[0].model if trainables else cast(MlmTrainer, mlm).model.model
    perplexities_before = mlm.perplexities() if mlm else {}
    before = weights_digest(trainable_tensors(model))
    all_closed_form = bool(starts) and not mlm and "random" not in starts
    head_start = "closed-form" if all_closed_form else "random"
    fitted = fit(objectives, schedule, spec.train.started(head_start), seed=seed_of(spec.seed, "intermediate"))
    after = weights_digest(trainable_tensors(model))
    if trainables and trainables[0].vocabulary is not None:
        trainables[0].vocabulary.expand(decay_of_unused_weights(spec.train, fitted.steps))
    save_weights(draft.path, model, head=False)
    steps = [schedule.count(number) for number in range(len(objectives))]
    draft.facts = IntermediateFacts(
        encoder=base_encoder(store, spec.parent),
        inherits=spec.parent,
        training=training_facts(fitted, before, after, head_start),
        untouched_layers=count_untouched_layers(boundary(model, spec.train), context.frozen_prefix(spec.parent)),
        restored=tuple(encoder_state(model)),
        steps_by_task=dict(zip(data_by_task, steps, strict=False)),
        examples_by_task={name: len(features) for name, features in features_by_task.items()},
        mlm=mlm.facts(steps[len(trainables) :], perplexities_before) if mlm else None,
    )


def by_task(data: Sequence[Data]) -> dict[str, tuple[Data, ...]]:
    """The data of each task in all its languages, which share a head."""
    return {name: tuple(d for d in data if d.task == name) for name in dict.fromkeys(d.task for d in data)}


def _trainables(
    spec: IntermediateStage, features: Sequence[Sequence[Feature]], context: JobContext, tokenizer: Any
) -> list[TrainableModel]:
    """One model per task, all on the encoder of the first. MLM needs all rows of the embeddings."""
    store, environment, frozen_prefix = context.store, context.environment, context.frozen_prefix(spec.parent)
    data_by_task = by_task(spec.data)
    models: dict[str, PreTrainedModel] = {}
    for name, data in data_by_task.items():
        seed, problem = seed_of(spec.seed, "head", name), context.task(name).problem
        labels = _labels(data, context)
        models[name], _ = build_model(store, spec.parent, environment, problem, labels, seed, spec.head)
    trainables: list[TrainableModel] = []
    for name, model in models.items():
        used = None if trainables or spec.mlm else partial(token_ids, *features)
        if trainables:
            share_encoder(trainables[0].model, model)
        problem, device = context.task(name).problem, environment.device
        trainable = make_trainable(
            model, problem, tokenizer, spec.train, device, used, frozen_prefix, context.image_features
        )
        trainables.append(replace(trainable, vocabulary=trainables[0].vocabulary) if trainables else trainable)
    return trainables


def _labels(data: Sequence[Data], context: JobContext) -> tuple[str, ...] | None:
    return tuple(sorted({label for d in data for label in context.labels(d)})) or None


def _features(spec: IntermediateStage, data: Sequence[Data], context: JobContext, tokenizer: Any) -> Sequence[Feature]:
    labels, max_length = _labels(data, context), spec.train.max_length
    features = load_features(context, spec.parent, data, "train", tokenizer, labels, max_length)
    return _shuffled(features, seed_of(spec.seed, "shuffle", data[0].task)) if spec.shuffle_labels else features


def _shuffled(features: Sequence[Feature], seed: int) -> list[Feature]:
    """The features with permuted targets. Tag sequences are permuted among those of equal length."""
    rng = np.random.default_rng(seed)
    shuffled = list(features)
    rows_by_length: dict[int, list[int]] = {}
    for row, feature in enumerate(shuffled):
        length = len(feature.target) if isinstance(feature.target, list) else 0
        rows_by_length.setdefault(length, []).append(row)
    for rows in rows_by_length.values():
        for row, source in zip(rows, rng.permutation(rows), strict=True):
            shuffled[row] = replace(shuffled[row], target=features[source].target)
    return shuffled


def _schedule(
    spec: IntermediateStage, features: Sequence[Sequence[Feature]], corpora: Sequence[CorpusWindows]
) -> list[int]:
    """The objective of each step: a task, or the texts of one language."""
    sources = list(features)
    if corpora:
        sources.append([feature for corpus in corpora for feature in corpus.features])
    steps = spec.train.steps or sum(steps_of(feature_lengths(source), spec.train) for source in sources)
    sizes = [len(source) for source in sources]
    if spec.mlm and spec.mlm.weight:
        sizes[-1] = spec.mlm.weight
    shares = task_probabilities(sizes, spec.sampling)
    if spec.mlm:
        languages = language_probabilities([len(corpus.features) for corpus in corpora], spec.mlm.alpha)
        shares = np.concatenate([shares[:-1], shares[-1] * languages])
    return task_schedule(shares, steps, np.random.default_rng(seed_of(spec.seed, "mixture")))
