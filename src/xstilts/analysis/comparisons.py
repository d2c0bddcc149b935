"""The contrasts of a report: each effect, each control, and each trained arm against the frozen encoder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from xstilts.analysis.design import TaskDesign, Term, TwoByTwo
from xstilts.analysis.names import arm_name, metric_name
from xstilts.analysis.results import ArmName, scored_zero_shot
from xstilts.config.recipe import FROZEN, Recipe

ComparisonKind = Literal["primary", "effect", "control", "retrieval", "training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A contrast: a weighted sum of arms over a fixed list of languages."""

    kind: ComparisonKind
    task: str
    title: str
    statement: str
    """The start of the sentence that continues with "by +1.2 points"."""
    terms: tuple[Term, ...]
    languages: tuple[str, ...]


def comparisons(recipe: Recipe, designs: Sequence[TaskDesign]) -> tuple[Comparison, ...]:
    """Every contrast of the report, each once; the recipe's primary contrast, if any, comes first."""
    candidates: list[Comparison] = [*_primary_comparison(recipe, designs)]
    for design in designs:
        candidates += [
            *(_retrieval_comparisons(design) if design.retrieval else _effect_comparisons(design)),
            *_control_comparisons(design),
            *_training_comparisons(design),
        ]
    distinct: dict[tuple[str, frozenset[Term], tuple[str, ...]], Comparison] = {}
    for comparison in candidates:
        distinct.setdefault((comparison.task, frozenset(comparison.terms), comparison.languages), comparison)
    return tuple(distinct.values())


def _primary_comparison(recipe: Recipe, designs: Sequence[TaskDesign]) -> Iterator[Comparison]:
    if (primary := recipe.primary) is None:
        return
    design = next(design for design in designs if design.task.name == primary.task)
    treatment, baseline = ArmName.of(primary.treatment), ArmName.of(primary.baseline)
    yield Comparison(
        kind="primary",
        task=primary.task,
        title=f"{arm_name(treatment, design.task.problem)} vs {arm_name(baseline, design.task.problem)}",
        statement=_replacement_statement(design, treatment, baseline),
        terms=((1.0, treatment), (-1.0, baseline)),
        languages=primary.languages or design.headline,
    )


def _effect_comparisons(design: TaskDesign) -> Iterator[Comparison]:
    """All effects of the 2 x 2 designs that are reported in detail; for the others, the effect of the intermediate task
    given the shots, and the interaction."""
    for two_by_two in design.detailed:
        yield from (_effect(design, two_by_two, *effect) for effect in _EFFECTS)
    for two_by_two in design.two_by_twos:
        yield from (
            _effect(design, two_by_two, *effect) for effect in _EFFECTS if effect[2] in (GIVEN_SHOTS, INTERACTION)
        )


def _effect(design: TaskDesign, two_by_two: TwoByTwo, title: str, change: str, weights: Sequence[float]) -> Comparison:
    names = {"shots": two_by_two.shots_name, "intermediate": two_by_two.intermediate}
    return Comparison(
        kind="effect",
        task=design.task.name,
        title=title.format(**names),
        statement=f"On {design.task.name}, {change.format(**names)} {metric_name(design.task.metric)}",
        terms=two_by_two.terms(weights),
        languages=design.languages_of(two_by_two),
    )


GIVEN_SHOTS = (0.0, -1.0, 0.0, 1.0)
"""Weights of the effect of the intermediate task given the shots."""
INTERACTION = (1.0, -1.0, -1.0, 1.0)

_EFFECTS = (
    ("{intermediate} only", "{intermediate} (zero-shot) changes", (-1.0, 0.0, 1.0, 0.0)),
    ("{shots} only", "{shots} adaptation without {intermediate} changes", (-1.0, 1.0, 0.0, 0.0)),
    ("both", "{intermediate} and {shots} adaptation together change", (-1.0, 0.0, 0.0, 1.0)),
    ("{intermediate}, given {shots}", "{intermediate} before {shots} adaptation changes", GIVEN_SHOTS),
    (
        "main effect of {intermediate}",
        "{intermediate}, averaged over zero-shot and {shots}, changes",
        (-0.5, -0.5, 0.5, 0.5),
    ),
    (
        "main effect of {shots}",
        "{shots} adaptation, averaged over with and without {intermediate}, changes",
        (-0.5, 0.5, -0.5, 0.5),
    ),
    ("interaction", "{intermediate} changes the gain from {shots} adaptation in", INTERACTION),
)


def _control_comparisons(design: TaskDesign) -> Iterator[Comparison]:
    for control, arm, _ in design.controls:
        yield _replacement(design, "control", arm, control)


def _training_comparisons(design: TaskDesign) -> Iterator[Comparison]:
    """Each trained arm minus a closed-form head on the encoder before target training, with the same shots."""
    for arm in design.main_arms:
        frozen = ArmName(intermediate=arm.intermediate, method=FROZEN, shots=arm.shots)
        if not scored_zero_shot(arm.method) and not arm.uses_fixed_shots and frozen in design.arms:
            yield _replacement(design, "training", arm, frozen)


def _replacement(design: TaskDesign, kind: ComparisonKind, arm: ArmName, other: ArmName) -> Comparison:
    """An arm minus another, over the headline languages that both have."""
    languages = design.scored_in[arm] & design.scored_in[other]
    return Comparison(
        kind=kind,
        task=design.task.name,
        title=f"{arm_name(arm, design.task.problem)} vs {arm_name(other, design.task.problem)}",
        statement=_replacement_statement(design, arm, other),
        terms=((1.0, arm), (-1.0, other)),
        languages=tuple(x for x in design.headline if x in languages),
    )


def _retrieval_comparisons(design: TaskDesign) -> Iterator[Comparison]:
    for arm in design.main_arms[1:]:
        yield Comparison(
            kind="retrieval",
            task=design.task.name,
            title=f"encoder after {arm.intermediate} vs {design.baseline.intermediate}",
            statement=f"On {design.task.name}, intermediate training on {arm.intermediate} changes "
            f"{metric_name(design.task.metric)}",
            terms=((1.0, arm), (-1.0, design.baseline)),
            languages=design.headline,
        )


def _replacement_statement(design: TaskDesign, arm: ArmName, other: ArmName) -> str:
    arm_text, other_text = (arm_name(name, design.task.problem) for name in (arm, other))
    return f"On {design.task.name}, {arm_text} instead of {other_text} changes {metric_name(design.task.metric)}"
