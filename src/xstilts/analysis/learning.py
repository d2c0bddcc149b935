"""Trainings that hardly learnt: what follows from them says little of what their task can teach."""

from collections import Counter
from collections.abc import Iterable, Mapping

from xstilts.planning.specs import IntermediateStage, Spec, TargetStage
from xstilts.store.facts import TrainedFacts
from xstilts.store.store import Manifest

FELL = 0.02
"""A loss that fell by a smaller part of itself, from the first tenth of the steps to the last, did hardly fall."""
STEPS = 20
"""Of fewer steps, a tenth is too few batches to tell."""


def hardly_learnt(stages: Iterable[Spec], manifests: Mapping[str, Manifest | None]) -> tuple[str, ...]:
    """At most one sentence, with the number of such trainings by task, of all that are there.

    Controls that are not to learn are left out, and so are several tasks together, whose losses have no common scale.
    """
    all_of: Counter[str] = Counter()
    hardly: Counter[str] = Counter()
    for stage in stages:
        name, manifest = _name(stage), manifests.get(stage.key)
        if name is None or manifest is None or not isinstance(manifest.facts, TrainedFacts):
            continue
        training = manifest.facts.training
        if training.steps >= STEPS and training.first_loss is not None and training.last_loss is not None:
            all_of[name] += 1
            hardly[name] += training.last_loss > (1 - FELL) * training.first_loss
    told = ", ".join(f"{name} ({count} of {all_of[name]})" for name, count in hardly.items() if count)
    if not told:
        return ()
    return (
        f"Hardly learnt: the loss fell by less than {FELL:.0%} in the training of {told}. "
        "What follows from it says little of what the task can teach.",
    )


def _name(stage: Spec) -> str | None:
    if isinstance(stage, TargetStage) and stage.modality is None:
        return f"target {stage.data.task}"
    if isinstance(stage, IntermediateStage) and not stage.shuffle_labels and not stage.mlm:
        tasks = {data.task for data in stage.data}
        return f"intermediate {tasks.pop()}" if len(tasks) == 1 else None
    return None
