"""Adaptation to k examples of a language, scored at once.

The episodes of one model, task and language form a job: the layers that stay frozen are run once for the pool of
shots and once for the scored items, and every draw and k begins from their activations.
"""

import json
from collections.abc import Sequence
from typing import Any

from torch import nn

from xstilts.data.leakage import check_disjoint, images_in
from xstilts.data.load import check_labels
from xstilts.planning.specs import FewshotStage
from xstilts.problems.examples import Example
from xstilts.stages.artifacts import facts_of, identity, save_weights
from xstilts.stages.controls import by_familiarity, image_controls, prior
from xstilts.stages.environment import Emit
from xstilts.stages.fewshot.batched import taught_beside
from xstilts.stages.fewshot.episode import Learned, Taught, adapted, learn, shots_of, take
from xstilts.stages.fewshot.episode_model import Bench, bench_of, feed_of, settings
from xstilts.stages.fewshot.lda import solved
from xstilts.stages.job_context import Workshop
from xstilts.stages.lineage import check_lineage, images_shared
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.training import facts_of_fit, scored_items
from xstilts.store.store import Draft
from xstilts.train.predict import predict


def run(spec: FewshotStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    task = workshop.task(spec.evaluation.task)
    examples = workshop.examples(spec.evaluation, spec.split)
    check_labels(examples, task)
    unchecked = workshop.once(
        ("lineage", spec.parent, spec.evaluation, spec.split),
        lambda: check_lineage(workshop, spec.parent, task, examples),
    )
    bench = bench_of(spec, workshop)
    shots = shots_of(spec, workshop, bench)
    check_disjoint(shots, examples, task.name, images=spec.published is None)
    taught = taught_beside(spec, workshop, bench, emit)
    with adapted(spec, bench):
        learned, model = _learned(spec, workshop, bench, shots, taught, emit)
        feed = feed_of(spec.evaluation, spec.split, workshop, bench, spec.see)
        predicted = predict(model, feed, examples, bench.labels)
        if spec.see is None and task.spec.images:
            label = _prior(spec, workshop)
            draft.facts.update(image_controls(bench.pupil.part, feed, examples, bench.labels, task, label))
    if spec.keep == "all":
        save_weights(draft.path, model if spec.method == "lda" else bench.pupil.model, head=True)
    frame = scored_items(task, examples, predicted)
    (draft.path / "shots.json").write_text(json.dumps([shot.id for shot in shots], ensure_ascii=False))
    draft.facts.update(write_scores(draft.path, frame, task))
    length = settings(spec).max_length
    texts = workshop.once(("text", spec.evaluation), lambda: text_facts(examples, bench.tokenizer, length))
    draft.facts.update(texts)
    draft.facts.update(by_familiarity(frame, examples, shots, task))
    draft.facts.update(workshop.unusable(spec.evaluation, spec.split))
    shared = workshop.once(
        ("images shared", spec.parent, spec.evaluation, spec.split),
        lambda: images_shared(workshop, spec.parent, task, examples),
    )
    draft.facts.update(images_shared=shared)
    if spec.published is not None:
        draft.facts.update(images_of_shots_scored=len(images_in(shots) & images_in(examples)))
    draft.facts.update(facts_of_fit(learned.fitted, learned.before, learned.after))
    draft.facts.update(_provenance(spec, workshop, bench))
    draft.facts.update(shots=len(shots), oracle=spec.selection == "target_dev", leaks_unchecked=unchecked)


def _learned(
    spec: FewshotStage,
    workshop: Workshop,
    bench: Bench,
    shots: Sequence[Example],
    taught: Taught | None,
    emit: Emit,
) -> tuple[Learned, nn.Module]:
    """What was learnt, and what predicts: the part on the bench, or its encoder under a head that was solved for."""
    if spec.method == "lda":
        return solved(spec, workshop, bench, shots)
    return take(bench, taught) if taught else learn(spec, workshop, bench, shots, emit), bench.pupil.part


def _prior(spec: FewshotStage, workshop: Workshop) -> str | None:
    """The most frequent label of the target's training data, which its stage recorded where there is one."""
    if not spec.fresh_head:
        return facts_of(workshop.store, spec.parent).get("prior")
    return workshop.once(("prior", spec.data), lambda: prior(workshop.examples(spec.data, "train")))


def _provenance(spec: FewshotStage, workshop: Workshop, bench: Bench) -> dict[str, Any]:
    parent, train = facts_of(workshop.store, spec.parent), settings(spec)
    facts = {**identity(parent), "inherits": spec.parent}
    facts |= {"problem": bench.pupil.problem, "labels": list(bench.labels), "task": spec.evaluation.task}
    if spec.method == "lda":
        facts |= {"head": spec.method}
    return facts | {
        "language": spec.evaluation.language,
        "max_length": train.max_length,
        "precision": train.precision,
        "selection": spec.selection,
    }
