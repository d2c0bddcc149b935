"""Intermediate training: one or several tasks, a head each, and only the encoder is handed on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from xstilts.data.features import Feature, featurise
from xstilts.data.mixture import schedule
from xstilts.engine.store import Draft
from xstilts.models.sharing import share_encoder
from xstilts.problems import ProblemName
from xstilts.stages.artifacts import build, facts_of, folder_of, joint_sum, save_weights, tokenizer_in, trainable
from xstilts.stages.environment import Emit
from xstilts.stages.progress import steps_to
from xstilts.stages.specs import Data, IntermediateStage
from xstilts.stages.training import facts_of_fit, student, untouched
from xstilts.stages.workshop import Workshop
from xstilts.train.fit import Lesson, fit, seed_of, steps_of, used_in
from xstilts.train.optim import shrinkage


def run(spec: IntermediateStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    store, environment = workshop.store, workshop.environment
    tokenizer = tokenizer_in(folder_of(store, spec.parent, environment))
    tasks = by_task(spec.data)
    features = [_features(spec, parts, workshop, tokenizer) for parts in tasks.values()]
    order = _order(spec, features)
    features = [
        used_in(found, order.count(number), spec.train, seed_of(spec.seed, "used", task))
        for (number, found), task in zip(enumerate(features), tasks, strict=True)
    ]
    models, restored = _models(spec, workshop)
    ground = workshop.ground(spec.parent)
    used = [feature for found in features for feature in found]
    problems: list[ProblemName] = [workshop.task(task).problem for task in tasks]
    first = student(models[0], problems[0], tokenizer, spec.train, environment.device, lambda: used, ground)
    lessons = [Lesson(model=first.part, feed=first.feed(features[0]))]
    for number, model in enumerate(models[1:], start=1):
        share_encoder(first.model, model)
        other = student(model, problems[number], tokenizer, spec.train, environment.device, None, ground)
        other = replace(other, vocabulary=first.vocabulary)
        lessons.append(Lesson(model=other.part, feed=other.feed(features[number])))
    before = joint_sum(trainable(first.model))
    fitted = fit(lessons, order, spec.train, seed=seed_of(spec.seed, "intermediate"), report=steps_to(spec, emit))
    after = joint_sum(trainable(first.model))
    if first.vocabulary is not None:
        first.vocabulary.expand(shrinkage(spec.train, fitted.steps))
    save_weights(draft.path, first.model, head=False)
    parent = facts_of(store, spec.parent)
    draft.facts.update(facts_of_fit(fitted, before, after))
    draft.facts.update(encoder=parent["encoder"], pin=parent["pin"], inherits=spec.parent, restored=list(restored))
    draft.facts.update(untouched=untouched(first, ground))
    draft.facts.update(_shares(spec, order, features))


def by_task(data: Sequence[Data]) -> dict[str, tuple[Data, ...]]:
    """What each task is trained on, in all its languages: they share a head."""
    return {name: tuple(part for part in data if part.task == name) for name in dict.fromkeys(d.task for d in data)}


def _models(spec: IntermediateStage, workshop: Workshop) -> tuple[list[PreTrainedModel], tuple[str, ...]]:
    models = []
    restored: tuple[str, ...] = ()
    for task, parts in by_task(spec.data).items():
        seed, problem = seed_of(spec.seed, "head", task), workshop.task(task).problem
        labels = _labels(parts, workshop)
        model, restored = build(workshop.store, spec.parent, workshop.environment, problem, labels, seed)
        models.append(model)
    return models, restored


def _labels(parts: Sequence[Data], workshop: Workshop) -> tuple[str, ...] | None:
    return tuple(sorted({label for data in parts for label in workshop.labels(data)})) or None


def _features(spec: IntermediateStage, parts: Sequence[Data], workshop: Workshop, tokenizer: Any) -> list[Feature]:
    task = workshop.task(parts[0].task)
    examples = [example for data in parts for example in workshop.examples(data, "train")]
    features = featurise(task.problem, examples, tokenizer, _labels(parts, workshop), spec.train.max_length)
    return _shuffled(features, seed_of(spec.seed, "shuffle", task.name)) if spec.shuffle_labels else features


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


def _order(spec: IntermediateStage, features: Sequence[Sequence[Feature]]) -> list[int]:
    """One task a step. The steps are those of all tasks together, each with its capped number of examples."""
    lengths = [[feature.length for feature in found] for found in features]
    steps = spec.train.steps or sum(steps_of(found, spec.train) for found in lengths)
    sizes = [len(found) for found in features]
    return schedule(sizes, spec.sampling, steps, np.random.default_rng(seed_of(spec.seed, "mixture")))


def _shares(spec: IntermediateStage, order: Sequence[int], features: Sequence[Sequence[Feature]]) -> dict[str, Any]:
    tasks = by_task(spec.data)
    return {
        "steps_by_task": {task: order.count(number) for number, task in enumerate(tasks)},
        "examples_by_task": {task: len(found) for task, found in zip(tasks, features, strict=True)},
    }
