"""Adaptation to k examples of a language, scored at once.

The episodes of one model, task and language form a job: the layers that stay frozen are run once for the pool of
shots and once for the scored items, and every draw and k begins from their activations.
"""

import json
from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xstilts.data.features import Feature, featurise, hide
from xstilts.data.leaks import check_disjoint
from xstilts.data.load import check_labels
from xstilts.data.shots import draw
from xstilts.engine.store import Draft
from xstilts.examples import Example
from xstilts.models.feed import Feed
from xstilts.models.split import layers
from xstilts.models.tuning import adapters, trained
from xstilts.predict import predict
from xstilts.settings import Train
from xstilts.stages.artifacts import (
    build,
    facts_of,
    folder_of,
    identity,
    joint_sum,
    load_model,
    save_weights,
    tokenizer_in,
)
from xstilts.stages.controls import by_familiarity, image_controls, prior
from xstilts.stages.environment import Emit
from xstilts.stages.lineage import check_lineage, images_shared
from xstilts.stages.progress import steps_to
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.specs import FewshotStage, See
from xstilts.stages.stage import Data
from xstilts.stages.training import Student, facts_of_fit, scored_items, scorer, student
from xstilts.stages.workshop import Workshop
from xstilts.train.fit import Fitted, Lesson, fit, seed_of, steps_of
from xstilts.train.keep import Keeping


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A model ready to be adapted again and again: `initial` are the weights that every episode begins with."""

    pupil: Student
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]
    initial: dict[str, Tensor]

    def reset(self) -> None:
        parameters = dict(self.pupil.part.named_parameters())
        with torch.no_grad():
            for name, tensor in self.initial.items():
                parameters[name].copy_(tensor)
                parameters[name].requires_grad_(True)


def run(spec: FewshotStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    task = workshop.task(spec.evaluation.task)
    examples = workshop.examples(spec.evaluation, spec.split)
    check_labels(examples, task)
    unchecked = workshop.once(
        ("lineage", spec.parent, spec.evaluation, spec.split),
        lambda: check_lineage(workshop, spec.parent, task, examples),
    )
    train = _settings(spec)
    bench = workshop.once(_bench_key(spec, train), lambda: _bench(spec, train, workshop))
    bench.reset()
    shots = draw(_pool(spec, workshop, bench), spec.shots, spec.draw)
    check_disjoint(shots, examples, task.name)
    with _adapted(spec, bench):
        fitted, changed = _fit(spec, train, workshop, bench, shots, emit)
        feed = _feed(spec.evaluation, spec.split, workshop, bench, spec.see)
        predicted = predict(bench.pupil.part, feed, examples, bench.labels)
        if spec.see is None:
            label = prior(workshop.examples(spec.data, "train"))
            draft.facts.update(image_controls(bench.pupil.part, feed, examples, bench.labels, task, label))
    if spec.keep == "all":
        save_weights(draft.path, bench.pupil.model, head=True)
    frame = scored_items(task, examples, predicted)
    (draft.path / "shots.json").write_text(json.dumps([shot.id for shot in shots], ensure_ascii=False))
    draft.facts.update(write_scores(draft.path, frame, task))
    draft.facts.update(
        workshop.once(("text", spec.evaluation), lambda: text_facts(examples, bench.tokenizer, train.max_length))
    )
    draft.facts.update(by_familiarity(frame, examples, shots, task))
    draft.facts.update(images_unusable=workshop.unusable(spec.evaluation, spec.split))
    draft.facts.update(
        images_shared=workshop.once(
            ("images shared", spec.parent, spec.evaluation, spec.split),
            lambda: images_shared(workshop, spec.parent, task, examples),
        )
    )
    draft.facts.update(facts_of_fit(fitted, *changed))
    draft.facts.update(_provenance(spec, train, workshop, bench))
    draft.facts.update(shots=len(shots), oracle=spec.selection == "target_dev", leaks_unchecked=unchecked)


def _settings(spec: FewshotStage) -> Train:
    if spec.method == "lora" and spec.lora is not None:
        return spec.train.model_copy(update={"learning_rate": spec.lora.learning_rate})
    return spec.train


def _bench_key(spec: FewshotStage, train: Train) -> Hashable:
    seed = spec.seed if spec.fresh_head else None
    return "bench", spec.parent, train, spec.method == "head", seed, spec.keep


def _bench(spec: FewshotStage, train: Train, workshop: Workshop) -> Bench:
    store, environment = workshop.store, workshop.environment
    problem = workshop.task(spec.evaluation.task).problem
    tokenizer = tokenizer_in(folder_of(store, spec.parent, environment))
    if spec.fresh_head:
        labels = workshop.labels(spec.data)
        seed = seed_of(spec.seed, "head", spec.evaluation.task)
        model, _ = build(store, spec.parent, environment, problem, labels or None, seed)
    else:
        loaded = load_model(store, spec.parent, environment)
        model, labels = loaded.model, loaded.labels
    if spec.method == "head":
        train = train.model_copy(update={"frozen_layers": len(layers(model))})
    used = None if spec.keep == "all" else lambda: _texts(spec, workshop, tokenizer, train)
    ground = workshop.ground(spec.parent)
    pupil = student(model, problem, tokenizer, train, environment.device, used, ground, workshop.gallery)
    initial = {name: p.detach().clone() for name, p in trained(pupil.part).items()}
    return Bench(pupil=pupil, tokenizer=tokenizer, labels=labels, initial=initial)


def _texts(spec: FewshotStage, workshop: Workshop, tokenizer: PreTrainedTokenizerBase, train: Train) -> list[Feature]:
    """Features of all texts that an episode of the job can meet; only their sub-words matter."""
    problem = workshop.task(spec.evaluation.task).problem
    places = [(spec.data, "train"), (spec.data, "dev"), (spec.evaluation, spec.split)]
    places += [(_whole(spec.evaluation), split) for split in ("train", *(["dev"] * (spec.selection == "target_dev")))]
    found = [example for data, split in places for example in workshop.examples(data, split)]
    return featurise(problem, found, tokenizer, None, train.max_length)


def _whole(data: Data) -> Data:
    """The pool that shots are drawn from is not capped, so that a cap on scored items changes no shots."""
    return replace(data, max_examples=None)


def _pool(spec: FewshotStage, workshop: Workshop, bench: Bench) -> Sequence[Example]:
    """Training examples of the shots' language; those with a class that the head lacks are left out."""
    data = replace(_whole(spec.evaluation), language=spec.shots_language)
    pool = workshop.examples(data, "train")
    check_labels(pool, workshop.task(data.task))
    known = set(bench.labels)
    return [e for e in pool if not known or {getattr(e, "label", None), *getattr(e, "tags", ())} - {None} <= known]


def _feed(data: Data, split: str, workshop: Workshop, bench: Bench, see: See | None) -> Feed:
    """Features (and activations) of a whole split, made once for the job."""

    def make() -> Feed:
        pupil = bench.pupil
        examples = workshop.examples(data, split)
        labels = bench.labels if split == "train" else None
        features = featurise(pupil.problem, examples, bench.tokenizer, labels, pupil.train.max_length)
        return pupil.feed(hide(features, see, bench.tokenizer))

    return workshop.once(("feed", id(bench), data, split, see), make)


def _adapted(spec: FewshotStage, bench: Bench) -> AbstractContextManager[None]:
    if spec.method != "lora" or spec.lora is None:
        return nullcontext()
    seed = seed_of(spec.seed, "lora", spec.evaluation.language, spec.draw)
    return adapters(bench.pupil.part, spec.lora, seed, merge=spec.keep == "all")


def _fit(
    spec: FewshotStage, train: Train, workshop: Workshop, bench: Bench, shots: Sequence[Example], emit: Emit
) -> tuple[Fitted, tuple[str, str]]:
    pupil = bench.pupil
    features = featurise(pupil.problem, shots, bench.tokenizer, bench.labels or None, train.max_length)
    features = hide(features, spec.see, bench.tokenizer)
    lessons = [Lesson(model=pupil.part, feed=pupil.feed(features))]
    order = [0] * steps_of(lessons[0].feed.lengths, train)
    if spec.method == "joint":
        lessons.append(Lesson(model=pupil.part, feed=_feed(spec.data, "train", workshop, bench, spec.see)))
        order = [0, 1] * len(order)
    before = joint_sum(trained(pupil.part))
    fitted = fit(
        lessons,
        order,
        train,
        seed=seed_of(spec.seed, "fewshot", spec.evaluation.task, spec.evaluation.language, spec.draw),
        keeping=_keeping(spec),
        score=_selector(spec, workshop, bench),
        report=steps_to(spec, emit),
    )
    return fitted, (before, joint_sum(trained(pupil.part)))


def _keeping(spec: FewshotStage) -> Keeping:
    if spec.selection != "none":
        return "best"
    return "average" if spec.method == "average" else "last"


def _selector(spec: FewshotStage, workshop: Workshop, bench: Bench) -> Any:
    if spec.selection == "none":
        return None
    data = spec.data if spec.selection == "english_dev" else _whole(spec.evaluation)
    dev = workshop.examples(data, "dev")
    feed = _feed(data, "dev", workshop, bench, spec.see)
    return scorer(bench.pupil.part, feed, dev, bench.labels, workshop.task(data.task))


def _provenance(spec: FewshotStage, train: Train, workshop: Workshop, bench: Bench) -> dict[str, Any]:
    parent = facts_of(workshop.store, spec.parent)
    facts = {**identity(parent), "inherits": spec.parent}
    facts |= {"problem": bench.pupil.problem, "labels": list(bench.labels), "task": spec.evaluation.task}
    return facts | {
        "language": spec.evaluation.language,
        "max_length": train.max_length,
        "precision": train.precision,
        "selection": spec.selection,
    }
