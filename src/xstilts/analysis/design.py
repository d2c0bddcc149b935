"""The experimental design of a recipe, derived from its cells: arms, languages and controls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from xstilts.analysis.controls import CONTROL_METHODS, controls_of
from xstilts.analysis.names import shots_name
from xstilts.analysis.results import ZERO_SHOT, ArmName, scored_zero_shot
from xstilts.config.recipe import FIXED_SHOTS, FROZEN, MAJORITY, Recipe
from xstilts.planning.stage import Cell
from xstilts.recipe.resolve import baseline_first, is_control
from xstilts.tasks.suites import VARIANTS
from xstilts.tasks.task import Task

Term = tuple[float, ArmName]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoByTwo:
    """The 2 x 2 design of one intermediate arm and one k: without and with the arm, zero-shot and with the shots."""

    intermediate: str
    arms: tuple[ArmName, ArmName, ArmName, ArmName]
    """Neither, shots only, intermediate only, both."""

    @property
    def shots_name(self) -> str:
        """Such as "4-shot"."""
        return shots_name(self.arms[1])

    def terms(self, weights: Sequence[float]) -> tuple[Term, ...]:
        """The arms with nonzero weights."""
        return tuple((weight, arm) for weight, arm in zip(weights, self.arms, strict=True) if weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDesign:
    """The design of one target: its arms and languages, in the order of the recipe."""

    task: Task
    source: str
    arms: tuple[ArmName, ...]
    languages: tuple[str, ...]
    development_languages: frozenset[str]
    headline: tuple[str, ...]
    """The languages of means: those that every arm has, without the source language, the development languages and
    variants."""
    variants: frozenset[str]
    """Locales of a language that the mean already contains: de-CH if de is in it."""
    baseline: ArmName
    detailed: tuple[TwoByTwo, ...]
    """For each intermediate arm, the 2 x 2 design that is reported in detail."""
    two_by_twos: tuple[TwoByTwo, ...]
    """For each intermediate arm, the 2 x 2 designs of every method and k."""
    controls: tuple[tuple[ArmName, ArmName, str], ...]
    """(control, the arm that it is compared with, description)."""
    scored_in: Mapping[ArmName, frozenset[str]]
    """The languages of each arm."""
    control_arms: frozenset[str]
    """Intermediate arms that are controls."""

    @property
    def retrieval(self) -> bool:
        """Whether the task is scored without fine-tuning: translations are retrieved or mined by sentence vectors."""
        return not self.task.spec.is_trained

    @property
    def main_arms(self) -> tuple[ArmName, ...]:
        return tuple(arm for arm in self.arms if not self.is_control(arm))

    def languages_of(self, two_by_two: TwoByTwo) -> tuple[str, ...]:
        """The headline languages that all four arms have; fixed few-shot sets may cover fewer."""
        return tuple(x for x in self.headline if all(x in self.scored_in[arm] for arm in two_by_two.arms))

    def is_control(self, arm: ArmName) -> bool:
        return arm.intermediate in self.control_arms or arm.method in CONTROL_METHODS


def design_of(recipe: Recipe, cells: Sequence[Cell], task: Task) -> TaskDesign:
    """The design of one target."""
    task_cells = [cell for cell in cells if cell.task == task.name]
    arms = tuple(sorted({ArmName.of(cell) for cell in task_cells}, key=_order(recipe)))
    scored_in = {arm: frozenset(cell.language for cell in task_cells if ArmName.of(cell) == arm) for arm in arms}
    source = recipe.targets[task.name].source_language
    languages = tuple(dict.fromkeys(cell.language for cell in task_cells))
    primary_arms = _primary_arms(recipe, task.name)
    compared = [
        arm for arm in arms if arm.method not in CONTROL_METHODS and (not arm.uses_fixed_shots or arm in primary_arms)
    ]
    excluded = {source, *recipe.development_languages}
    shared = tuple(x for x in languages if x not in excluded and all(x in scored_in[arm] for arm in compared))
    headline = one_locale_each(shared)
    two_by_twos = tuple(
        two_by_two
        for two_by_two in _two_by_twos(recipe, arms)
        if not headline or any(all(x in scored_in[arm] for arm in two_by_two.arms) for x in headline)
    )
    detailed_shots = _shots_in_detail(recipe, two_by_twos, task.name)
    return TaskDesign(
        task=task,
        source=source,
        arms=arms,
        languages=languages,
        development_languages=frozenset(recipe.development_languages),
        headline=headline,
        variants=frozenset(shared) - frozenset(headline),
        baseline=arms[0],
        detailed=tuple(two_by_two for two_by_two in two_by_twos if two_by_two.arms[1] == detailed_shots),
        two_by_twos=two_by_twos,
        controls=tuple(controls_of(recipe, arms)),
        scored_in=scored_in,
        control_arms=frozenset(name for name, arm in recipe.intermediate.items() if is_control(arm)),
    )


def one_locale_each(locales: Sequence[str]) -> tuple[str, ...]:
    """One locale per language, in the given order: the plain code if present, else the first variant."""
    locale_by_language: dict[str, str] = {}
    for locale in sorted(locales, key=VARIANTS.__contains__):
        locale_by_language.setdefault(VARIANTS.get(locale, locale), locale)
    return tuple(locale for locale in locales if locale in locale_by_language.values())


def _two_by_twos(recipe: Recipe, arms: Sequence[ArmName]) -> Iterator[TwoByTwo]:
    baseline = arms[0].intermediate
    if recipe.intermediate[baseline].trains:
        return
    fewshot = dict.fromkeys((arm.method, arm.shots) for arm in arms if arm.shots and arm.method not in CONTROL_METHODS)
    for name, intermediate in recipe.intermediate.items():
        for method, shots in fewshot:
            zero_shot = method if scored_zero_shot(method) else ZERO_SHOT
            corners = (
                ArmName(intermediate=baseline, method=zero_shot),
                ArmName(intermediate=baseline, method=method, shots=shots),
                ArmName(intermediate=name, method=zero_shot),
                ArmName(intermediate=name, method=method, shots=shots),
            )
            if intermediate.trains and not is_control(intermediate) and set(corners) <= set(arms):
                yield TwoByTwo(intermediate=name, arms=corners)


def _shots_in_detail(recipe: Recipe, two_by_twos: Sequence[TwoByTwo], task: str) -> ArmName | None:
    """The shots of the 2 x 2 design that is reported in detail: those of the primary contrast, else the largest k;
    sampled shots are preferred to fixed sets, and the recipe's methods to the frozen encoder."""
    if not two_by_twos:
        return None
    for arm in _primary_arms(recipe, task):
        if arm.shots:
            return replace(two_by_twos[0].arms[1], method=arm.method, shots=arm.shots)
    return max(
        (two_by_two.arms[1] for two_by_two in two_by_twos),
        key=lambda arm: (not arm.uses_fixed_shots, arm.method != FROZEN, arm.shots),
    )


def _primary_arms(recipe: Recipe, task: str) -> tuple[ArmName, ...]:
    """The arms of the primary contrast if it is on this task."""
    primary = recipe.primary
    return (ArmName.of(primary.treatment), ArmName.of(primary.baseline)) if primary and primary.task == task else ()


def _order(recipe: Recipe) -> Callable[[ArmName], tuple[int, int, int]]:
    """A sort key for arms: recipe order, the baseline first, zero-shot before few-shot, controls last."""
    names = baseline_first(recipe)
    fewshot = map(str, recipe.fewshot.methods) if recipe.fewshot else ()
    methods = [ZERO_SHOT, MAJORITY, FROZEN, *fewshot, FIXED_SHOTS, *CONTROL_METHODS]
    position = {method: index for index, method in enumerate(methods)}
    return lambda arm: (
        names.index(arm.intermediate),
        position.get(FIXED_SHOTS if arm.uses_fixed_shots else arm.method, 0),
        arm.shots,
    )
