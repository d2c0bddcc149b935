"""Two arms of a recipe against each other, paired over items. No torch."""

from collections.abc import Iterator
from dataclasses import dataclass

from xstilts.analysis import stats
from xstilts.analysis.design import design_of
from xstilts.analysis.results import ZERO_SHOT, ArmName, arm_items, load_items
from xstilts.errors import UserError, did_you_mean
from xstilts.experiment import Experiment
from xstilts.planning.stage import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Treatment minus baseline by the task's metric (0 to 1), with its 95% interval. Not corrected for how many
    comparisons are made."""

    task: str
    language: str
    """One language, or `mean` over the headline languages."""
    difference: float
    low: float
    high: float
    p_value: float
    smallest_detectable: float
    languages: int
    seeds: int
    draws: int


def parse_arm(text: str) -> ArmName:
    """An arm from `intermediate/k/method`; k and method may be left out: `none`, `none/0`, `english/4/full`."""
    intermediate, *rest = text.split("/")
    shots = rest[0] if rest else "0"
    if not intermediate or not shots.isdecimal() or len(rest) > 2:
        raise UserError(f"{text!r} is no arm", "write intermediate/k/method, such as none/0 or english/4/full")
    if int(shots) == 0:
        return ArmName(intermediate=intermediate)
    return ArmName(intermediate=intermediate, shots=int(shots), method=rest[1] if len(rest) > 1 else "full")


def written(arm: ArmName) -> str:
    """The arm as `parse_arm` reads it."""
    return f"{arm.intermediate}/0" if arm.method == ZERO_SHOT else f"{arm.intermediate}/{arm.shots}/{arm.method}"


def differences(
    experiment: Experiment, treatment: ArmName, baseline: ArmName, task: str | None = None
) -> tuple[Difference, ...]:
    """For each target that has both arms: the mean over its headline languages, then each language.

    Raises UserError for an arm or a task that the recipe does not have, or where scores are missing.
    """
    names = tuple(experiment.recipe.targets)
    if task is not None and task not in names:
        raise UserError(f"{task!r} is not a target of this recipe", did_you_mean(task, names))
    cells = [cell for cell in experiment.graph.cells if task in (None, cell.task)]
    _check_arms(cells, treatment, baseline)
    cells = [cell for cell in cells if ArmName.of(cell) in (treatment, baseline)]
    both = [
        name for name in names if {ArmName.of(cell) for cell in cells if cell.task == name} >= {treatment, baseline}
    ]
    if not both:
        raise UserError("no target has both arms", "`xstilts status` lists the stages of the recipe")
    return tuple(row for name in both for row in _of_task(experiment, cells, name, treatment, baseline))


def _check_arms(cells: list[Cell], *arms: ArmName) -> None:
    known = dict.fromkeys(written(ArmName.of(cell)) for cell in cells)
    for arm in arms:
        if written(arm) not in known:
            raise UserError(f"the recipe has no arm {written(arm)!r}", did_you_mean(written(arm), known))


def _of_task(
    experiment: Experiment, cells: list[Cell], task: str, treatment: ArmName, baseline: ArmName
) -> Iterator[Difference]:
    mine = [cell for cell in cells if cell.task == task]
    items = load_items(mine, experiment.store)
    if gone := sum(cell.artifact not in items for cell in mine):
        raise UserError(f"{gone} of {len(mine)} scores of these arms on {task} are missing", "run the recipe first")
    design = design_of(experiment.recipe, mine, experiment.loaded.tasks[task])
    arms = [arm_items(mine, experiment.store, task, arm, items) for arm in (treatment, baseline)]
    shared = [language for language in design.languages if all(language in arm for arm in arms)]
    headline = [language for language in shared if language in design.headline]
    for name, languages in [("mean", headline), *((language, [language]) for language in shared)]:
        if not languages:
            continue
        found = stats.contrast([(1.0, arms[0]), (-1.0, arms[1])], design.task.metric, languages=languages)
        yield Difference(
            task=task,
            language=name,
            difference=found.value,
            low=found.low,
            high=found.high,
            p_value=found.p_value,
            smallest_detectable=found.smallest_detectable,
            languages=len(languages),
            seeds=found.seeds,
            draws=found.draws,
        )
