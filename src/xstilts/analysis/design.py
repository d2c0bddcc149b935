"""What a recipe compares, read off its cells: arms, languages, controls, and the contrasts that it stands for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from xstilts.analysis.controls import CONTROLS, controls_of, is_control
from xstilts.analysis.names import arm_name, metric_name, shots_name
from xstilts.analysis.results import ZERO_SHOT, ArmName
from xstilts.config.recipe import FIXED_SHOTS, Recipe
from xstilts.planning.stage import Cell
from xstilts.tasks.suites import VARIANTS
from xstilts.tasks.task import Task

Kind = Literal["primary", "effect", "control", "retrieval"]
Term = tuple[float, ArmName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A weighted sum of arms, over a fixed list of languages."""

    kind: Kind
    task: str
    title: str
    what: str
    """What changes: the sentence goes on with "by +1.2 points"."""
    terms: tuple[Term, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """The 2 x 2 of one intermediate arm and one k: without and with the arm, without and with the shots."""

    intermediate: str
    corners: tuple[ArmName, ArmName, ArmName, ArmName]
    """Neither, shots alone, intermediate alone, both."""

    @property
    def adapted(self) -> str:
        """The name of its shots: "4-shot"."""
        return shots_name(self.corners[1])

    def terms(self, weights: Sequence[float]) -> tuple[Term, ...]:
        """Its corners with their weights, without those that weigh nothing."""
        return tuple((weight, arm) for weight, arm in zip(weights, self.corners, strict=True) if weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDesign:
    """One target: its arms and languages, in the order of the recipe."""

    task: Task
    source: str
    arms: tuple[ArmName, ...]
    languages: tuple[str, ...]
    development: frozenset[str]
    headline: tuple[str, ...]
    """The languages that means are over: those that every arm has, without the source, the development languages and
    variants."""
    variants: frozenset[str]
    """Locales of a language that the means hold already: de-CH beside de."""
    baseline: ArmName
    squares: tuple[Square, ...]
    """For each intermediate arm the one that is told at length."""
    ladder: tuple[Square, ...]
    """For each intermediate arm those of every method and k."""
    controls: tuple[tuple[ArmName, ArmName, str], ...]
    """A control, the arm that it stands beside, and what it is."""
    scored_in: Mapping[ArmName, frozenset[str]]
    """The languages of each arm."""
    apart: frozenset[str]
    """Intermediate arms that are controls."""

    @property
    def retrieval(self) -> bool:
        """Nothing is trained for it: translations are retrieved or mined by an encoder's vectors."""
        return not self.task.spec.trained

    @property
    def main_arms(self) -> tuple[ArmName, ...]:
        return tuple(arm for arm in self.arms if not self.is_control(arm))

    def languages_of(self, square: Square) -> tuple[str, ...]:
        """The headline languages that all its corners have: fewer where the shots are a published set."""
        return tuple(x for x in self.headline if all(x in self.scored_in[arm] for arm in square.corners))

    def is_control(self, arm: ArmName) -> bool:
        return arm.intermediate in self.apart or arm.method in CONTROLS


def design_of(recipe: Recipe, cells: Sequence[Cell], task: Task) -> TaskDesign:
    """The design of one target."""
    mine = [cell for cell in cells if cell.task == task.name]
    arms = tuple(sorted({ArmName.of(cell) for cell in mine}, key=_order(recipe)))
    by_arm = {arm: {cell.language for cell in mine if ArmName.of(cell) == arm} for arm in arms}
    source = recipe.targets[task.name].source_language
    apart = {source, *recipe.development_languages}
    languages = tuple(dict.fromkeys(cell.language for cell in mine))
    named = _named(recipe, task.name)
    compared = [by_arm[arm] for arm in arms if arm.method not in CONTROLS and (not arm.published or arm in named)]
    shared = tuple(x for x in languages if x not in apart and all(x in there for there in compared))
    headline = one_locale_each(shared)
    ladder = tuple(
        square
        for square in _squares(recipe, arms)
        if not headline or any(all(x in by_arm[arm] for arm in square.corners) for x in headline)
    )
    told = _told(recipe, ladder, task.name)
    return TaskDesign(
        task=task,
        source=source,
        arms=arms,
        languages=languages,
        development=frozenset(recipe.development_languages),
        headline=headline,
        variants=frozenset(shared) - frozenset(headline),
        baseline=arms[0],
        squares=tuple(square for square in ladder if square.corners[1] == told),
        ladder=ladder,
        controls=tuple(controls_of(recipe, arms)),
        scored_in={arm: frozenset(there) for arm, there in by_arm.items()},
        apart=frozenset(name for name, arm in recipe.intermediate.items() if is_control(arm)),
    )


def comparisons(recipe: Recipe, designs: Sequence[TaskDesign]) -> tuple[Comparison, ...]:
    """Every contrast of the report. The primary one is first where the recipe names one, and is not repeated."""
    found: list[Comparison] = [*_primary(recipe, designs)]
    for design in designs:
        found += [*(_retrieval(design) if design.retrieval else _effects(design)), *_beside(design)]
    seen: dict[tuple[str, frozenset[Term], tuple[str, ...]], Comparison] = {}
    for comparison in found:
        seen.setdefault((comparison.task, frozenset(comparison.terms), comparison.languages), comparison)
    return tuple(seen.values())


def one_locale_each(locales: Sequence[str]) -> tuple[str, ...]:
    """Each language once, by its plain code where that is there, else by its first variant; in the same order."""
    chosen: dict[str, str] = {}
    for locale in sorted(locales, key=VARIANTS.__contains__):
        chosen.setdefault(VARIANTS.get(locale, locale), locale)
    return tuple(locale for locale in locales if locale in chosen.values())


def _primary(recipe: Recipe, designs: Sequence[TaskDesign]) -> Iterator[Comparison]:
    if (primary := recipe.primary) is None:
        return
    design = next(design for design in designs if design.task.name == primary.task)
    treatment, baseline = ArmName.of(primary.treatment), ArmName.of(primary.baseline)
    yield Comparison(
        kind="primary",
        task=primary.task,
        title=f"{arm_name(treatment)} against {arm_name(baseline)}",
        what=_instead(design, treatment, baseline),
        terms=((1.0, treatment), (-1.0, baseline)),
        languages=primary.languages or design.headline,
    )


def _effects(design: TaskDesign) -> Iterator[Comparison]:
    """The simple effects of each 2 x 2 that is told at length, its main effects and its interaction; of the others
    what the intermediate task adds to the shots, and the interaction."""
    for square in design.squares:
        yield from (_effect(design, square, *effect) for effect in _EFFECTS)
    for square in design.ladder:
        yield from (_effect(design, square, *effect) for effect in _EFFECTS if effect[2] in (ON_TOP, INTERACTION))


def _effect(design: TaskDesign, square: Square, title: str, what: str, weights: Sequence[float]) -> Comparison:
    names = {"shots": square.adapted, "intermediate": square.intermediate}
    return Comparison(
        kind="effect",
        task=design.task.name,
        title=title.format(**names),
        what=f"On {design.task.name}, {what.format(**names)} {metric_name(design.task.metric)}",
        terms=square.terms(weights),
        languages=design.languages_of(square),
    )


ON_TOP = (0.0, -1.0, 0.0, 1.0)
INTERACTION = (1.0, -1.0, -1.0, 1.0)

_EFFECTS = (
    ("{intermediate} alone", "{intermediate} first, zero-shot, changes", (-1.0, 0.0, 1.0, 0.0)),
    ("{shots} alone", "{shots} adaptation alone changes", (-1.0, 1.0, 0.0, 0.0)),
    ("both together", "{intermediate} first and {shots} adaptation together change", (-1.0, 0.0, 0.0, 1.0)),
    ("{intermediate} before {shots}", "{intermediate} first, before {shots} adaptation, changes", ON_TOP),
    (
        "main effect of {intermediate}",
        "{intermediate} first, on average over zero-shot and {shots}, changes",
        (-0.5, -0.5, 0.5, 0.5),
    ),
    (
        "main effect of {shots}",
        "{shots} adaptation, on average with and without {intermediate}, changes",
        (-0.5, 0.5, -0.5, 0.5),
    ),
    ("interaction", "{intermediate} first changes what {shots} adaptation adds to", INTERACTION),
)


def _beside(design: TaskDesign) -> Iterator[Comparison]:
    for control, arm, _ in design.controls:
        yield Comparison(
            kind="control",
            task=design.task.name,
            title=f"{arm_name(arm)} against {arm_name(control)}",
            what=_instead(design, arm, control),
            terms=((1.0, arm), (-1.0, control)),
            languages=tuple(x for x in design.headline if x in design.scored_in[arm] & design.scored_in[control]),
        )


def _retrieval(design: TaskDesign) -> Iterator[Comparison]:
    for arm in design.main_arms[1:]:
        yield Comparison(
            kind="retrieval",
            task=design.task.name,
            title=f"encoder after {arm.intermediate} against {design.baseline.intermediate}",
            what=f"On {design.task.name}, {arm.intermediate} first changes {metric_name(design.task.metric)}",
            terms=((1.0, arm), (-1.0, design.baseline)),
            languages=design.headline,
        )


def _instead(design: TaskDesign, arm: ArmName, other: ArmName) -> str:
    return (
        f"On {design.task.name}, {arm_name(arm)} instead of {arm_name(other)} changes {metric_name(design.task.metric)}"
    )


def _squares(recipe: Recipe, arms: Sequence[ArmName]) -> Iterator[Square]:
    base = arms[0].intermediate
    adapted = dict.fromkeys((arm.method, arm.shots) for arm in arms if arm.shots and arm.method not in CONTROLS)
    if recipe.intermediate[base].trains:
        return
    for name, intermediate in recipe.intermediate.items():
        for method, shots in adapted:
            neither, alone, before, both = (
                ArmName(intermediate=i, method=m, shots=k) for i in (base, name) for m, k in _without_and(method, shots)
            )
            corners = neither, alone, before, both
            if intermediate.trains and not is_control(intermediate) and set(corners) <= set(arms):
                yield Square(intermediate=name, corners=corners)


def _without_and(method: str, shots: int) -> tuple[tuple[str, int], tuple[str, int]]:
    return (ZERO_SHOT, 0), (method, shots)


def _told(recipe: Recipe, ladder: Sequence[Square], task: str) -> ArmName | None:
    """The shots of the 2 x 2 that is told at length: those of the primary contrast, else most by the first method,
    draws of our own before published sets."""
    if not ladder:
        return None
    for arm in _named(recipe, task):
        if arm.shots:
            return replace(ladder[0].corners[1], method=arm.method, shots=arm.shots)
    return max((square.corners[1] for square in ladder), key=lambda arm: (not arm.published, arm.shots))


def _named(recipe: Recipe, task: str) -> tuple[ArmName, ...]:
    """The arms of the primary contrast, where it is on this task."""
    primary = recipe.primary
    return (ArmName.of(primary.treatment), ArmName.of(primary.baseline)) if primary and primary.task == task else ()


def _order(recipe: Recipe):
    """Arms in the order of the recipe: the baseline first, zero-shot before shots, controls last."""
    names: Mapping[str, int] = {
        name: position
        for position, (name, arm) in enumerate(
            sorted(recipe.intermediate.items(), key=lambda item: 2 if is_control(item[1]) else int(item[1].trains))
        )
    }
    methods = [ZERO_SHOT, *(map(str, recipe.fewshot.methods) if recipe.fewshot else ()), FIXED_SHOTS, *CONTROLS]
    position = {method: index for index, method in enumerate(methods)}
    return lambda arm: (
        names[arm.intermediate],
        position.get(FIXED_SHOTS if arm.published else arm.method, 0),
        arm.shots,
    )
