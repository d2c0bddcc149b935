"""The numbers of the page: every arm's level in every language, and every contrast, each computed once."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xstilts.analysis import stats
from xstilts.analysis.design import INTERACTION, Comparison, Kind, Square, TaskDesign, Term
from xstilts.analysis.names import count
from xstilts.analysis.results import ArmItems, ArmName, Items, arm_items, load_items
from xstilts.errors import UserError
from xstilts.planning.stage import Cell
from xstilts.store.store import Store

MEAN = ""
"""Stands for the mean over a task's headline languages where a language is asked for."""

Place = tuple[str, ArmName, str]


def mean_over(design: TaskDesign, square: Square) -> str:
    """What stands for the mean over the languages of a 2 x 2 where a language is asked for."""
    languages = design.languages_of(square)
    return MEAN if languages == design.headline else "+".join(languages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A score from 0 to 1, mean over seeds and draws. Without an interval where the items are too few for one."""

    value: float
    interval: tuple[float, float] | None

    @property
    def low(self) -> float:
        return self.interval[0] if self.interval else self.value

    @property
    def high(self) -> float:
        return self.interval[1] if self.interval else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A contrast with its estimate, None where it cannot be computed; the sentence then says why."""

    comparison: Comparison
    estimate: stats.Estimate | None
    corrected: float | None
    """Holm's p over all contrasts but the primary one; None for that one."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageEstimate:
    """The interaction of a 2 x 2 in one language: None where it cannot be computed."""

    estimate: stats.Estimate | None
    corrected: float | None
    """Holm's p over the interactions of all languages, tasks and 2 x 2."""

    @property
    def shown(self) -> bool:
        """Whether it differs from zero after correction."""
        return self.corrected is not None and self.corrected < stats.LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    findings: tuple[Finding, ...]
    levels: Mapping[Place, Level | None]
    """None where a cell of it is missing; no entry where the recipe has none."""
    interactions: Mapping[tuple[str, Square, str], LanguageEstimate]
    """By task, 2 x 2 and headline language."""

    @property
    def primary(self) -> Finding | None:
        return next((finding for finding in self.findings if finding.comparison.kind == "primary"), None)

    def level(self, task: str, arm: ArmName, language: str) -> Level | None:
        return self.levels.get((task, arm, language))

    def absent(self, task: str, arm: ArmName, language: str) -> bool:
        return (task, arm, language) not in self.levels

    def about(self, task: str, *kinds: Kind) -> tuple[Finding, ...]:
        """The findings on a task."""
        here = (finding for finding in self.findings if finding.comparison.task == task)
        return tuple(finding for finding in here if finding.comparison.kind in kinds)

    def of(self, task: str, terms: Sequence[Term], languages: Collection[str]) -> Finding | None:
        """The finding on this very contrast."""
        for finding in self.findings:
            comparison = finding.comparison
            same = comparison.task == task and frozenset(comparison.terms) == frozenset(terms)
            if same and set(comparison.languages) == set(languages):
                return finding
        return None

    def within(self, task: str, arms: Collection[ArmName], languages: Collection[str]) -> tuple[Finding, ...]:
        """The primary contrast and the effects that only these arms make, over these languages."""
        return tuple(
            finding
            for finding in self.about(task, "primary", "effect")
            if {arm for _, arm in finding.comparison.terms} <= set(arms)
            and set(finding.comparison.languages) == set(languages)
        )


def gather(
    designs: Sequence[TaskDesign],
    comparisons: Sequence[Comparison],
    cells: Sequence[Cell],
    store: Store,
    *,
    resamples: int,
    items: Items | None = None,
) -> Evidence:
    """All levels and findings. What lacks a cell is None. `items` are those of all cells, if they were read already."""
    lab = _ContrastBuilder(designs, cells, store, resamples, load_items(cells, store) if items is None else items)
    levels = {place: level for design in designs for place, level in lab.levels(design)}
    return Evidence(findings=lab.findings(comparisons), levels=levels, interactions=lab.interactions(designs))


class _ContrastBuilder:
    """The items by arm, read once, and what is computed from them."""

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
        self.asked = Counter((cell.task, ArmName.of(cell), cell.language) for cell in cells)
        self.gone = Counter(
            (cell.task, ArmName.of(cell), cell.language) for cell in cells if cell.artifact not in items
        )

    def levels(self, design: TaskDesign) -> Iterator[tuple[Place, Level | None]]:
        task = design.task.name
        for arm in design.arms:
            for language in design.languages:
                if self.asked[task, arm, language]:
                    yield (task, arm, language), self._level(task, arm, (language,))
            if design.headline and all(self.asked[task, arm, language] for language in design.headline):
                yield (task, arm, MEAN), self._level(task, arm, design.headline)
        for square in design.ladder:
            if (place := mean_over(design, square)) != MEAN:
                for arm in square.corners:
                    yield (task, arm, place), self._level(task, arm, design.languages_of(square))

    def findings(self, comparisons: Sequence[Comparison]) -> tuple[Finding, ...]:
        results = [self._estimate(comparison) for comparison in comparisons]
        family = {
            str(number): result
            for number, (comparison, result) in enumerate(zip(comparisons, results, strict=True))
            if comparison.kind != "primary" and isinstance(result, stats.Estimate)
        }
        corrected = stats.correct(family)
        return tuple(
            _finding(comparison, result, corrected[str(number)].p_value if str(number) in family else None)
            for number, (comparison, result) in enumerate(zip(comparisons, results, strict=True))
        )

    def interactions(self, designs: Sequence[TaskDesign]) -> dict[tuple[str, Square, str], LanguageEstimate]:
        """In every headline language, corrected together, apart from what is said of their means."""
        found = {
            (design.task.name, square, language): self._contrast(
                design.task.name, square.terms(INTERACTION), (language,)
            )
            for design in designs
            for square in design.ladder
            for language in design.languages_of(square)
        }
        made = {place: estimate for place, estimate in found.items() if isinstance(estimate, stats.Estimate)}
        adjusted = dict(zip(made, stats.holm([estimate.p_value for estimate in made.values()]), strict=True))
        return {place: LanguageEstimate(estimate=made.get(place), corrected=adjusted.get(place)) for place in found}

    def _level(self, task: str, arm: ArmName, languages: Sequence[str]) -> Level | None:
        if self._missing(task, (arm,), languages):
            return None
        items = {language: self.arms[task, arm][language] for language in languages}
        try:
            estimate = stats.arm_interval(items, self.metrics[task], resamples=self.resamples)
        except UserError:  # too few groups for an interval
            means = stats.cell_means(items, self.metrics[task]).group_by("language").mean()
            return Level(value=float(means["value"].sum() / len(languages)), interval=None)
        return Level(value=estimate.value, interval=(estimate.low, estimate.high))

    def _estimate(self, comparison: Comparison) -> stats.Estimate | str:
        """The estimate, or why there is none."""
        if not comparison.languages:
            return "no language is left without the source and the development languages"
        return self._contrast(comparison.task, comparison.terms, comparison.languages)

    def _contrast(self, task: str, terms: Sequence[Term], languages: Sequence[str]) -> stats.Estimate | str:
        if gone := self._missing(task, (arm for _, arm in terms), languages):
            return f"{count(gone, 'score')} missing"
        weighted = [(weight, self.arms[task, arm]) for weight, arm in terms]
        try:
            return stats.contrast(weighted, self.metrics[task], languages=languages, resamples=self.resamples)
        except UserError as error:
            return error.message

    def _missing(self, task: str, arms: Iterable[ArmName], languages: Sequence[str]) -> int:
        return sum(self.gone[task, arm, language] for arm in arms for language in languages)


def _finding(comparison: Comparison, result: stats.Estimate | str, corrected: float | None) -> Finding:
    if isinstance(result, str):
        return Finding(
            comparison=comparison,
            estimate=None,
            corrected=None,
            sentence=f"{comparison.task}, {comparison.title}: not computed, {result}.",
        )
    told = stats.sentence(result, comparison.what, adjusted=corrected)
    return Finding(
        comparison=comparison,
        estimate=result,
        corrected=corrected,
        sentence=re.sub(r"(?<=[ (])-(?=\d)", "\u2212", told),
    )
