"""All estimates of a report, each computed once: every arm's mean in every language, and every contrast."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xstilts.analysis import stats
from xstilts.analysis.comparisons import INTERACTION, Comparison, ComparisonKind
from xstilts.analysis.design import TaskDesign, Term, TwoByTwo
from xstilts.analysis.results import ArmItems, ArmName, Items, arm_items, load_items
from xstilts.errors import UserError
from xstilts.planning.stage import Cell
from xstilts.plurals import plural
from xstilts.store.store import Store

MEAN = ""
"""In place of a language: the mean over a task's headline languages."""

ArmKey = tuple[str, ArmName, str]


def mean_key(design: TaskDesign, two_by_two: TwoByTwo) -> str:
    """In place of a language: the mean over the languages of a 2 x 2 design."""
    languages = design.languages_of(two_by_two)
    return MEAN if languages == design.headline else "+".join(languages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmMean:
    """The mean score (0 to 1) of an arm over seeds and draws. `interval` is its 95% CI; None if there are too few
    groups."""

    value: float
    interval: tuple[float, float] | None

    @property
    def low(self) -> float:
        return self.interval[0] if self.interval else self.value

    @property
    def high(self) -> float:
        return self.interval[1] if self.interval else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastResult:
    """A contrast with its estimate. `estimate` is None if it cannot be computed; the sentence then gives the reason."""

    comparison: Comparison
    estimate: stats.Estimate | None
    corrected_p: float | None
    """Holm-corrected p value over all contrasts but the primary one; None for the primary contrast."""
    sentence: str

    @property
    def significant(self) -> bool:
        """Whether it is significant after correction; False for the primary contrast."""
        return self.corrected_p is not None and self.corrected_p < stats.LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageInteraction:
    """The interaction of a 2 x 2 design in one language; `estimate` is None if it cannot be computed."""

    estimate: stats.Estimate | None
    corrected_p: float | None
    """Holm-corrected p value over the interactions of all languages, tasks and 2 x 2 designs."""

    @property
    def significant(self) -> bool:
        """Whether it is significant after correction."""
        return self.corrected_p is not None and self.corrected_p < stats.LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    contrasts: tuple[ContrastResult, ...]
    arm_means: Mapping[ArmKey, ArmMean | None]
    """None if a score is missing; no entry if the recipe does not have it."""
    interactions: Mapping[tuple[str, TwoByTwo, str], LanguageInteraction]
    """By task, 2 x 2 design and headline language."""

    @property
    def primary(self) -> ContrastResult | None:
        return next((result for result in self.contrasts if result.comparison.kind == "primary"), None)

    def arm_mean(self, task: str, arm: ArmName, language: str) -> ArmMean | None:
        return self.arm_means.get((task, arm, language))

    def not_in_recipe(self, task: str, arm: ArmName, language: str) -> bool:
        return (task, arm, language) not in self.arm_means

    def contrasts_on(self, task: str, *kinds: ComparisonKind) -> tuple[ContrastResult, ...]:
        """The contrasts of these kinds on a task."""
        on_task = (result for result in self.contrasts if result.comparison.task == task)
        return tuple(result for result in on_task if result.comparison.kind in kinds)

    def contrast_of(self, task: str, terms: Sequence[Term], languages: Collection[str]) -> ContrastResult | None:
        """The result for exactly these terms and languages."""
        for result in self.contrasts:
            comparison = result.comparison
            same_terms = comparison.task == task and set(comparison.terms) == set(terms)
            if same_terms and set(comparison.languages) == set(languages):
                return result
        return None

    def contrasts_within(
        self, task: str, arms: Collection[ArmName], languages: Collection[str]
    ) -> tuple[ContrastResult, ...]:
        """The primary contrast and the effects among these arms, over exactly these languages."""
        return tuple(
            result
            for result in self.contrasts_on(task, "primary", "effect")
            if {arm for _, arm in result.comparison.terms} <= set(arms)
            and set(result.comparison.languages) == set(languages)
        )


def compute_estimates(
    designs: Sequence[TaskDesign],
    comparisons: Sequence[Comparison],
    cells: Sequence[Cell],
    store: Store,
    *,
    resamples: int,
    items: Items | None = None,
) -> Estimates:
    """Compute all arm means and contrasts; those with missing scores are None. `items` are read if not given."""
    builder = _ContrastBuilder(designs, cells, store, resamples, load_items(cells, store) if items is None else items)
    arm_means = {key: mean for design in designs for key, mean in builder.arm_means(design)}
    return Estimates(
        contrasts=builder.contrasts(comparisons), arm_means=arm_means, interactions=builder.interactions(designs)
    )


class _ContrastBuilder:
    """Computes estimates from the items of each arm, which are read once."""

    def __init__(
        self, designs: Sequence[TaskDesign], cells: Sequence[Cell], store: Store, resamples: int, items: Items
    ) -> None:
        self.resamples = resamples
        self.metrics = {design.task.name: design.task.metric for design in designs}
        self.arms: dict[tuple[str, ArmName], ArmItems] = {
            (design.task.name, arm): arm_items(cells, store, design.task.name, arm, items)
            for design in designs
            for arm in design.arms
        }
        self.planned = Counter((cell.task, ArmName.of(cell), cell.language) for cell in cells)
        self.missing = Counter(
            (cell.task, ArmName.of(cell), cell.language) for cell in cells if cell.artifact not in items
        )

    def arm_means(self, design: TaskDesign) -> Iterator[tuple[ArmKey, ArmMean | None]]:
        task = design.task.name
        for arm in design.arms:
            for language in design.languages:
                if self.planned[task, arm, language]:
                    yield (task, arm, language), self._arm_mean(task, arm, (language,))
            if design.headline and all(self.planned[task, arm, language] for language in design.headline):
                yield (task, arm, MEAN), self._arm_mean(task, arm, design.headline)
        for two_by_two in design.two_by_twos:
            if (key := mean_key(design, two_by_two)) != MEAN:
                for arm in two_by_two.arms:
                    yield (task, arm, key), self._arm_mean(task, arm, design.languages_of(two_by_two))

    def contrasts(self, comparisons: Sequence[Comparison]) -> tuple[ContrastResult, ...]:
        results = [self._estimate(comparison) for comparison in comparisons]
        family = {
            str(number): result
            for number, (comparison, result) in enumerate(zip(comparisons, results, strict=True))
            if comparison.kind != "primary" and isinstance(result, stats.Estimate)
        }
        corrected = stats.correct(family)
        return tuple(
            _contrast_result(comparison, result, corrected[str(number)].p_value if str(number) in family else None)
            for number, (comparison, result) in enumerate(zip(comparisons, results, strict=True))
        )

    def interactions(self, designs: Sequence[TaskDesign]) -> dict[tuple[str, TwoByTwo, str], LanguageInteraction]:
        """The interactions in every headline language, Holm-corrected as a separate family."""
        results = {
            (design.task.name, two_by_two, language): self._contrast(
                design.task.name, two_by_two.terms(INTERACTION), (language,)
            )
            for design in designs
            for two_by_two in design.two_by_twos
            for language in design.languages_of(two_by_two)
        }
        estimates = {key: estimate for key, estimate in results.items() if isinstance(estimate, stats.Estimate)}
        p_values = dict(zip(estimates, stats.holm([estimate.p_value for estimate in estimates.values()]), strict=True))
        return {key: LanguageInteraction(estimate=estimates.get(key), corrected_p=p_values.get(key)) for key in results}

    def _arm_mean(self, task: str, arm: ArmName, languages: Sequence[str]) -> ArmMean | None:
        if self._missing(task, (arm,), languages):
            return None
        items = {language: self.arms[task, arm][language] for language in languages}
        try:
            estimate = stats.arm_interval(items, self.metrics[task], resamples=self.resamples)
        except UserError:  # too few groups for a confidence interval
            means = stats.cell_means(items, self.metrics[task]).group_by("language").mean()
            return ArmMean(value=float(means["value"].sum() / len(languages)), interval=None)
        return ArmMean(value=estimate.value, interval=(estimate.low, estimate.high))

    def _estimate(self, comparison: Comparison) -> stats.Estimate | str:
        """The estimate, or the reason why there is none."""
        if not comparison.languages:
            return "no language remains without the source and development languages"
        return self._contrast(comparison.task, comparison.terms, comparison.languages)

    def _contrast(self, task: str, terms: Sequence[Term], languages: Sequence[str]) -> stats.Estimate | str:
        if missing := self._missing(task, (arm for _, arm in terms), languages):
            return f"{plural(missing, 'score')} missing"
        weighted_arms = [(weight, self.arms[task, arm]) for weight, arm in terms]
        try:
            return stats.contrast(weighted_arms, self.metrics[task], languages=languages, resamples=self.resamples)
        except UserError as error:
            return error.message

    def _missing(self, task: str, arms: Iterable[ArmName], languages: Sequence[str]) -> int:
        return sum(self.missing[task, arm, language] for arm in arms for language in languages)


def _contrast_result(comparison: Comparison, result: stats.Estimate | str, corrected_p: float | None) -> ContrastResult:
    if isinstance(result, str):
        return ContrastResult(
            comparison=comparison,
            estimate=None,
            corrected_p=None,
            sentence=f"{comparison.task}, {comparison.title}: not computed ({result}).",
        )
    text = stats.sentence(result, comparison.statement, adjusted=corrected_p)
    return ContrastResult(
        comparison=comparison,
        estimate=result,
        corrected_p=corrected_p,
        sentence=re.sub(r"(?<=[ (])-(?=\d)", "\u2212", text),
    )
