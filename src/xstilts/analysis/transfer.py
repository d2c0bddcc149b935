"""What intermediate training did to every target, zero-shot: by arm, and by the arm that development data choose."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from xstilts.analysis import stats
from xstilts.analysis.controls import is_control
from xstilts.analysis.design import TaskDesign, one_locale_each
from xstilts.analysis.names import count
from xstilts.analysis.results import ZERO_SHOT, ArmItems, ArmName, Items, arm_items, load_items
from xstilts.config.recipe import Intermediate, Recipe
from xstilts.errors import UserError
from xstilts.planning.expand import Graph
from xstilts.planning.stage import Cell
from xstilts.store.facts import TrainedFacts
from xstilts.store.store import Store
from xstilts.tasks import suites
from xstilts.tasks.suites import Suite

BEST = "\0best"
"""Stands for the arm that development data choose, where an arm is asked for."""

Weights = tuple[tuple[float, str], ...]
"""A weighted sum of intermediate arms, by name."""

Result = stats.Estimate | str
"""An estimate, or why there is none."""


def is_baseline(arm: Intermediate) -> bool:
    return not arm.trains and not is_control(arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The arm that scored best on the source language's development data, by seed."""

    by_seed: Mapping[int, str]

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each was chosen, the most frequent first."""
        return dict(Counter(self.by_seed.values()).most_common())


class Transfer:
    """Zero-shot scores after each intermediate arm; what is asked for twice is computed once."""

    def __init__(
        self,
        recipe: Recipe,
        graph: Graph,
        store: Store,
        designs: Sequence[TaskDesign],
        *,
        resamples: int = 10_000,
        items: Items | None = None,
    ) -> None:
        self.recipe, self.graph, self.store, self.resamples = recipe, graph, store, resamples
        self.designs = {design.task.name: design for design in designs}
        self.cells = tuple(cell for cell in graph.cells if cell.method == ZERO_SHOT and cell.task in self.designs)
        self.items = load_items(self.cells, store) if items is None else items
        self.arms = tuple(name for name, arm in recipe.intermediate.items() if arm.trains and not is_control(arm))
        """Intermediate arms that train, without the controls."""
        self.baseline = next((name for name, arm in recipe.intermediate.items() if is_baseline(arm)), None)
        self.part = cache(self._part)
        self.choice = cache(self._choice)

    @property
    def suites(self) -> tuple[Suite, ...]:
        """Those with a published average of which the recipe has two tasks or more."""
        return tuple(s for s in suites.SUITES if s.average and len(set(s.tasks) & set(self.designs)) > 1)

    def languages(self, task: str) -> tuple[str, ...]:
        """Those that a task's mean is over: each language once, none that settings were tuned on; the source language
        only where a published average has it."""
        design = self.designs[task]
        published = (suite for suite in suites.SUITES if suite.average and suite.english_in_average)
        with_source = any(task in suite.tasks for suite in published)
        apart = design.development if with_source else {design.source, *design.development}
        scored = dict.fromkeys(cell.language for cell in self.cells if cell.task == task)
        return one_locale_each(tuple(language for language in scored if language not in apart))

    def effect(self, tasks: Sequence[str], arm: str) -> Result:
        """Arm minus baseline, mean over tasks."""
        if self.baseline is None:
            return "the recipe has no arm without intermediate training"
        return self.pooled(tasks, ((1.0, arm), (-1.0, self.baseline)))

    def level(self, tasks: Sequence[str], arm: str) -> Result:
        """The mean over tasks after an arm, with its interval cut at 0 and 1."""
        found = self.pooled(tasks, ((1.0, arm),))
        return found if isinstance(found, str) else replace(found, low=max(0.0, found.low), high=min(1.0, found.high))

    def pooled(self, tasks: Sequence[str], arms: Weights, shares: Sequence[float] | None = None) -> Result:
        """A weighted sum of arms on several tasks, their mean if no shares are given."""
        parts = [self.part(task, arms) for task in tasks]
        reasons = [f"{task}: {part}" for task, part in zip(tasks, parts, strict=True) if isinstance(part, str)]
        if reasons:
            return "; ".join(reasons)
        try:
            return stats.pooled([part for part in parts if not isinstance(part, str)], shares)
        except UserError as error:
            return error.message

    def _part(self, task: str, arms: Weights) -> stats.Part | str:
        languages = self.languages(task)
        if not languages:
            return "no language is left without the source and the development languages"
        choice = self.choice(task) if any(name == BEST for _, name in arms) else Choice(by_seed={})
        if isinstance(choice, str):
            return choice
        used = {name for _, name in arms} - {BEST} | set(choice.counts)
        if reason := self._lacking(task, used, languages):
            return reason
        try:
            terms = [(weight, self._items_of(task, choice if name == BEST else name)) for weight, name in arms]
            return stats.part(terms, self.designs[task].task.metric, languages=languages, resamples=self.resamples)
        except UserError as error:
            return error.message

    def _lacking(self, task: str, arms: set[str], languages: Sequence[str]) -> str:
        """Why arms have not all scores of a task, if they have not."""
        mine = [cell for cell in self.cells if cell.task == task and cell.language in languages]
        absent = sorted(arms - {cell.intermediate for cell in mine})
        if absent:
            return f"not scored after {', '.join(absent)} in this recipe"
        gone = sum(cell.intermediate in arms and cell.artifact not in self.items for cell in mine)
        return f"{count(gone, 'score')} missing" if gone else ""

    def _items_of(self, task: str, arm: str | Choice) -> ArmItems:
        if isinstance(arm, str):
            return arm_items(self.cells, self.store, task, ArmName(intermediate=arm), self.items)
        by_arm = {name: self._items_of(task, name) for name in arm.counts}
        return {
            language: {(seed, None): by_arm[name][language][seed, None] for seed, name in arm.by_seed.items()}
            for language in self.languages(task)
        }

    def _choice(self, task: str) -> Choice | str:
        """The arm of each seed with the best development score, the first of equal ones; or why there is none."""
        design, target = self.designs[task], self.recipe.targets[task]
        if design.retrieval:
            return "nothing is trained for it, so no development score can choose"
        if target.split == "dev":
            return "it is scored on its development split, which cannot choose as well"
        cells = {
            (cell.seed, cell.intermediate): cell
            for cell in self.cells
            if cell.task == task and cell.intermediate in self.arms and cell.seed is not None
        }
        scores = {place: self._development_score(cell) for place, cell in cells.items()}
        if gone := sum(score is None for score in scores.values()) or not scores:
            return f"{count(int(gone), 'development score')} missing"
        seeds = dict.fromkeys(seed for seed, _ in scores)
        ranked = sorted(scores, key=lambda place: (-(scores[place] or 0.0), self.arms.index(place[1])))
        return Choice(by_seed={seed: next(arm for other, arm in ranked if other == seed) for seed in seeds})

    def _development_score(self, cell: Cell) -> float | None:
        """What the target stage before a score reached, at the step that it kept, on the source language's development
        data: not the score itself, nor on its items."""
        (parent, *_) = self.graph.stages[cell.artifact].inputs
        manifest = self.store.manifest(parent)
        if manifest is None or not isinstance(manifest.facts, TrainedFacts):
            return None
        return max((value for _, value in manifest.facts.training.curve), default=None)
