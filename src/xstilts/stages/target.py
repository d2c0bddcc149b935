"""Target training in the source language, with a fresh head and the best checkpoint on development data."""

from functools import partial

from xstilts.data.features import featurise
from xstilts.data.leakage import check_disjoint
from xstilts.data.load import check_labels
from xstilts.data.tokenised import lengths, token_ids
from xstilts.planning.specs import TargetStage
from xstilts.stages.artifacts import (
    build,
    facts_of,
    folder_of,
    identity,
    joint_sum,
    save_weights,
    steps_before,
    tokenizer_in,
    trainable,
)
from xstilts.stages.controls import prior
from xstilts.stages.environment import Emit
from xstilts.stages.job_context import Workshop
from xstilts.stages.progress import steps_to
from xstilts.stages.tokenise import features_of
from xstilts.stages.training import facts_of_fit, scorer, student, untouched
from xstilts.store.store import Draft
from xstilts.train.fit import Lesson, fit, seed_of, steps_of, used_in
from xstilts.train.optim import shrinkage


def run(spec: TargetStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    store, environment = workshop.store, workshop.environment
    task = workshop.task(spec.data.task)
    examples, dev = workshop.examples(spec.data, "train"), workshop.examples(spec.data, "dev")
    for split in (examples, dev):
        check_labels(split, task)
    check_disjoint(examples, dev, task.name)
    labels = workshop.labels(spec.data)
    tokenizer = tokenizer_in(folder_of(store, spec.parent, environment))
    length = spec.train.max_length
    features = features_of(workshop, spec.parent, [spec.data], "train", tokenizer, labels or None, length, spec.see)
    extra = steps_before(store, spec.steps_of) if spec.steps_of else 0
    steps = steps_of(lengths(features), spec.train) + extra
    features = used_in(features, steps, spec.train, seed_of(spec.seed, "used", task.name))
    dev_features = featurise(task.problem, dev, tokenizer, None, length, spec.see)
    seed = seed_of(spec.seed, "head", task.name)
    model, restored = build(store, spec.parent, environment, task.problem, labels or None, seed)
    ground = workshop.ground(spec.parent)
    used = partial(token_ids, features, dev_features)
    pupil = student(model, task.problem, tokenizer, spec.train, environment.device, used, ground, workshop.gallery)
    feed = pupil.feed(features)
    before = joint_sum(trainable(pupil.model))
    fitted = fit(
        [Lesson(model=pupil.part, feed=feed)],
        [0] * steps,
        spec.train,
        seed=seed_of(spec.seed, "target", task.name),
        keeping="best",
        score=scorer(pupil.part, pupil.feed(dev_features), dev, labels, task),
        report=steps_to(spec, emit),
    )
    after = joint_sum(trainable(pupil.model))
    if pupil.vocabulary is not None:
        pupil.vocabulary.expand(shrinkage(spec.train, fitted.step_kept or fitted.steps))
    save_weights(draft.path, pupil.model, head=True)
    parent = facts_of(store, spec.parent)
    draft.facts.update(facts_of_fit(fitted, before, after))
    draft.facts.update(
        **identity(parent),
        inherits=spec.parent,
        restored=list(restored),
        problem=task.problem,
        labels=list(labels),
        task=task.name,
        language=spec.data.language,
        max_length=length,
        precision=spec.train.precision,
        extra_steps=extra,
        see=spec.see,
        prior=prior(examples),
        **workshop.unusable(spec.data, "train"),
        untouched=untouched(pupil.below, ground),
    )
