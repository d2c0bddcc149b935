"""Paired comparison of two arms of a recipe. Imports no torch."""

from collections.abc import Iterator
from dataclasses import dataclass

from xstilts.analysis import stats
from xstilts.analysis.design import design_of
from xstilts.analysis.results import ZERO_SHOT, ArmName, arm_items, load_items, scored_zero_shot
from xstilts.errors import UserError, did_you_mean
from xstilts.experiment import Experiment
from xstilts.planning.stage import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Treatment minus baseline in the task's metric (0 to 1), with its 95% CI. Not corrected for multiple
    comparisons."""

    task: str
    language: str
    """A language code, or `mean` for the mean over the headline languages."""
    difference: float
    low: float
    high: float
    p_value: float
    minimum_detectable_effect: float
    languages: int
    seeds: int
    draws: int


def parse_arm(text: str) -> ArmName:
    """Parse `intermediate/k/method`; k and method are optional: `none`, `none/0`, `english/4/full`, `none/0/frozen`.

    Raises UserError for any other form.
    """
    intermediate, *settings = text.split("/")
    shots = settings[0] if settings else "0"
    if not intermediate or not shots.isdecimal() or len(settings) > 2:
        raise UserError(f"{text!r} is not an arm", "write intermediate/k/method, such as none/0 or english/4/full")
    if int(shots) == 0 and not (len(settings) > 1 and scored_zero_shot(settings[1])):
        return ArmName(intermediate=intermediate)
    return ArmName(intermediate=intermediate, shots=int(shots), method=settings[1] if len(settings) > 1 else "full")


def arm_spec(arm: ArmName) -> str:
    """The arm in the form that `parse_arm` reads."""
    return f"{arm.intermediate}/0" if arm.method == ZERO_SHOT else f"{arm.intermediate}/{arm.shots}/{arm.method}"


def differences(
    experiment: Experiment, treatment: ArmName, baseline: ArmName, task: str | None = None
) -> tuple[Difference, ...]:
    """For each target that has both arms, the difference in the mean over headline languages, then in each language.

    Raises UserError for an arm or a task that the recipe does not have, or if scores are missing.
    """
    names = tuple(experiment.recipe.targets)
    if task is not None and task not in names:
        raise UserError(f"{task!r} is not a target of this recipe", did_you_mean(task, names))
    cells = [cell for cell in experiment.graph.cells if task in (None, cell.task)]
    _check_arms(cells, treatment, baseline)
    cells = [cell for cell in cells if ArmName.of(cell) in (treatment, baseline)]
    tasks_with_both = [
        name for name in names if {ArmName.of(cell) for cell in cells if cell.task == name} >= {treatment, baseline}
    ]
    if not tasks_with_both:
        raise UserError("no target has both arms", "list the recipe's stages with `xstilts status`")
    return tuple(
        row for name in tasks_with_both for row in _task_differences(experiment, cells, name, treatment, baseline)
    )


def _check_arms(cells: list[Cell], *arms: ArmName) -> None:
    recipe_arms = dict.fromkeys(arm_spec(ArmName.of(cell)) for cell in cells)
    for arm in map(arm_spec, arms):
        if arm not in recipe_arms:
            raise UserError(f"the recipe has no arm {arm!r}", did_you_mean(arm, recipe_arms))


def _task_differences(
    experiment: Experiment, cells: list[Cell], task: str, treatment: ArmName, baseline: ArmName
) -> Iterator[Difference]:
    task_cells = [cell for cell in cells if cell.task == task]
    items = load_items(task_cells, experiment.store)
    if missing := sum(cell.artifact not in items for cell in task_cells):
        raise UserError(
            f"{missing} of {len(task_cells)} scores of these arms on {task} are missing", "run the recipe first"
        )
    design = design_of(experiment.recipe, task_cells, experiment.loaded.tasks[task])
    arms = [arm_items(task_cells, experiment.store, task, arm, items) for arm in (treatment, baseline)]
    shared = [language for language in design.languages if all(language in arm for arm in arms)]
    headline = [language for language in shared if language in design.headline]
    for name, languages in [("mean", headline), *((language, [language]) for language in shared)]:
        if not languages:
            continue
        estimate = stats.contrast([(1.0, arms[0]), (-1.0, arms[1])], design.task.metric, languages=languages)
        yield Difference(
            task=task,
            language=name,
            difference=estimate.value,
            low=estimate.low,
            high=estimate.high,
            p_value=estimate.p_value,
            minimum_detectable_effect=estimate.minimum_detectable_effect,
            languages=len(languages),
            seeds=estimate.seeds,
            draws=estimate.draws,
        )
