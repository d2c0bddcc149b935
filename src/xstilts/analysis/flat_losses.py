"""A notice about training runs whose loss hardly fell."""

from collections import Counter
from collections.abc import Iterable, Mapping

from xstilts.planning.specs import IntermediateStage, Spec, TargetStage
from xstilts.store.facts import TrainedFacts
from xstilts.store.store import Manifest

MIN_LOSS_DROP = 0.02
"""The smallest relative fall of the loss, from the first to the last tenth of the steps, that counts as learning."""
MIN_STEPS = 20
"""With fewer steps, a tenth of them is too few batches to judge."""


def flat_loss_notices(stages: Iterable[Spec], manifests: Mapping[str, Manifest | None]) -> tuple[str, ...]:
    """At most one sentence, with the number of affected training runs by task.

    Controls with shuffled labels or one modality are ignored, and so are multi-task runs, whose losses have no common
    scale, and runs that start from a closed-form head, whose loss is low from the start.
    """
    total: Counter[str] = Counter()
    flat: Counter[str] = Counter()
    for stage in stages:
        name, manifest = _task_name(stage), manifests.get(stage.key)
        if name is None or manifest is None or not isinstance(manifest.facts, TrainedFacts):
            continue
        training = manifest.facts.training
        if training.head_start == "closed-form":
            continue
        if training.steps >= MIN_STEPS and training.first_loss is not None and training.last_loss is not None:
            total[name] += 1
            flat[name] += training.last_loss > (1 - MIN_LOSS_DROP) * training.first_loss
    affected = ", ".join(f"{name} ({count} of {total[name]})" for name, count in flat.items() if count)
    if not affected:
        return ()
    return (
        f"Training may have failed: the loss fell by less than {MIN_LOSS_DROP:.0%} for {affected}. "
        "Results that build on these runs say little about the task.",
    )


def _task_name(stage: Spec) -> str | None:
    """The phase and task of a training stage; None for stages that are ignored."""
    if isinstance(stage, TargetStage) and stage.modality is None:
        return f"target {stage.data.task}"
    if isinstance(stage, IntermediateStage) and not stage.shuffle_labels and not stage.mlm:
        tasks = {data.task for data in stage.data}
        return f"intermediate {tasks.pop()}" if len(tasks) == 1 else None
    return None
