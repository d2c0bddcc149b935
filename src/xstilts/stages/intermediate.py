"""Intermediate training: tasks and masked texts, a head each, and only the encoder is handed on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
from transformers import PreTrainedModel

from xstilts.data.features import Feature
from xstilts.data.mixture import by_language, schedule, weights
from xstilts.data.tokenised import lengths, token_ids
from xstilts.models.heads import encoder_state
from xstilts.models.sharing import share_encoder
from xstilts.models.tuning import boundary
from xstilts.planning.specs import IntermediateStage
from xstilts.planning.stage import Data
from xstilts.problems.registry import ProblemName
from xstilts.stages.artifacts import (
    build,
    facts_of,
    folder_of,
    identity,
    joint_sum,
    save_weights,
    tokenizer_in,
    trainable,
)
from xstilts.stages.environment import Emit
from xstilts.stages.job_context import Workshop
from xstilts.stages.mlm import Reader, Reading, reader_of, readings
from xstilts.stages.progress import steps_to
from xstilts.stages.tokenise import features_of
from xstilts.stages.training import Student, facts_of_fit, student, untouched
from xstilts.store.store import Draft
from xstilts.train.fit import Lesson, fit, seed_of, steps_of, used_in
from xstilts.train.optim import shrinkage


def run(spec: IntermediateStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    store, spec = workshop.store, replace(spec, data=_sighted_first(spec.data, workshop))
    tokenizer = tokenizer_in(folder_of(store, spec.parent, workshop.environment))
    tasks = by_task(spec.data)
    features = [_features(spec, parts, workshop, tokenizer) for parts in tasks.values()]
    texts = readings(spec, workshop, tokenizer)
    order = _order(spec, features, texts)
    features = [
        used_in(found, order.count(number), spec.train, seed_of(spec.seed, "used", task))
        for (number, found), task in zip(enumerate(features), tasks, strict=True)
    ]
    pupils = _pupils(spec, features, workshop, tokenizer)
    reader = reader_of(spec, texts, pupils[0].model if pupils else None, workshop, tokenizer) if texts else None
    lessons = [Lesson(model=pupil.part, feed=pupil.feed(found)) for pupil, found in zip(pupils, features, strict=True)]
    lessons += reader.lessons(seed_of(spec.seed, "masks")) if reader else []
    model = pupils[0].model if pupils else cast(Reader, reader).model.model
    unread = reader.perplexities() if reader else {}
    before = joint_sum(trainable(model))
    fitted = fit(lessons, order, spec.train, seed=seed_of(spec.seed, "intermediate"), report=steps_to(spec, emit))
    after = joint_sum(trainable(model))
    if pupils and pupils[0].vocabulary is not None:
        pupils[0].vocabulary.expand(shrinkage(spec.train, fitted.steps))
    save_weights(draft.path, model, head=False)
    parent = facts_of(store, spec.parent)
    draft.facts.update(facts_of_fit(fitted, before, after))
    draft.facts.update(**identity(parent), inherits=spec.parent)
    draft.facts.update(restored=list(encoder_state(model)))
    draft.facts.update(untouched=untouched(boundary(model, spec.train), workshop.ground(spec.parent)))
    draft.facts.update(_shares(spec, order, features))
    if reader is not None:
        steps = [order.count(number) for number in range(len(pupils), len(lessons))]
        draft.facts.update(reader.facts(steps, unread))


def by_task(data: Sequence[Data]) -> dict[str, tuple[Data, ...]]:
    """What each task is trained on, in all its languages: they share a head."""
    return {name: tuple(part for part in data if part.task == name) for name in dict.fromkeys(d.task for d in data)}


def _sighted_first(data: Sequence[Data], workshop: Workshop) -> tuple[Data, ...]:
    """Tasks that show images before others: the encoder that all share is the first one's."""
    return tuple(sorted(data, key=lambda part: not workshop.task(part.task).spec.images))


def _pupils(
    spec: IntermediateStage, features: Sequence[Sequence[Feature]], workshop: Workshop, tokenizer: Any
) -> list[Student]:
    """One for each task, over the encoder of the first. Masked-language modelling reaches every row of its table."""
    ground, device = workshop.ground(spec.parent), workshop.environment.device
    pupils: list[Student] = []
    for task, model in _models(spec, workshop).items():
        rows = None if pupils or spec.mlm else partial(token_ids, *features)
        if pupils:
            share_encoder(pupils[0].model, model)
        problem = _problem(task, workshop)
        pupil = student(model, problem, tokenizer, spec.train, device, rows, ground, workshop.gallery)
        pupils.append(replace(pupil, vocabulary=pupils[0].vocabulary) if pupils else pupil)
    return pupils


def _problem(task: str, workshop: Workshop) -> ProblemName:
    return workshop.task(task).problem


def _models(spec: IntermediateStage, workshop: Workshop) -> dict[str, PreTrainedModel]:
    models = {}
    for task, parts in by_task(spec.data).items():
        seed, problem = seed_of(spec.seed, "head", task), _problem(task, workshop)
        labels = _labels(parts, workshop)
        models[task] = build(workshop.store, spec.parent, workshop.environment, problem, labels, seed)[0]
    return models


def _labels(parts: Sequence[Data], workshop: Workshop) -> tuple[str, ...] | None:
    return tuple(sorted({label for data in parts for label in workshop.labels(data)})) or None


def _features(spec: IntermediateStage, parts: Sequence[Data], workshop: Workshop, tokenizer: Any) -> Sequence[Feature]:
    labels, length = _labels(parts, workshop), spec.train.max_length
    features = features_of(workshop, spec.parent, parts, "train", tokenizer, labels, length)
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


def _order(spec: IntermediateStage, features: Sequence[Sequence[Feature]], texts: Sequence[Reading]) -> list[int]:
    """One task, or the texts of one language, a step. The steps are those of all of them together."""
    sources = [*features, *([[feature for reading in texts for feature in reading.features]] if texts else [])]
    steps = spec.train.steps or sum(steps_of(lengths(found), spec.train) for found in sources)
    sizes = [len(found) for found in sources]
    if spec.mlm and spec.mlm.weight:
        sizes[-1] = spec.mlm.weight
    shares = weights(sizes, spec.sampling)
    if spec.mlm:
        languages = by_language([len(reading.features) for reading in texts], spec.mlm.alpha)
        shares = np.concatenate([shares[:-1], shares[-1] * languages])
    return schedule(shares, steps, np.random.default_rng(seed_of(spec.seed, "mixture")))


def _shares(spec: IntermediateStage, order: Sequence[int], features: Sequence[Sequence[Feature]]) -> dict[str, Any]:
    tasks = by_task(spec.data)
    return {
        "steps_by_task": {task: order.count(number) for number, task in enumerate(tasks)},
        "examples_by_task": {task: len(found) for task, found in zip(tasks, features, strict=True)},
    }
