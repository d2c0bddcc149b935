"""The zero-shot effect of intermediate training on every target, by arm, and for the arm chosen on dev data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from xstilts.analysis import stats
from xstilts.analysis.design import TaskDesign, one_locale_each
from xstilts.analysis.results import ZERO_SHOT, ArmItems, ArmName, Items, arm_items, load_items
from xstilts.config.recipe import Intermediate, Recipe
from xstilts.errors import UserError
from xstilts.planning.expand import Graph
from xstilts.planning.stage import Cell
from xstilts.plurals import plural
from xstilts.recipe.resolve import is_control
from xstilts.store.facts import TrainedFacts
from xstilts.store.store import Store
from xstilts.tasks import suites
from xstilts.tasks.suites import Suite

CHOSEN_ARM = "\0best"
"""In place of an arm's name: the arm chosen on development data for each target and seed."""

ArmWeights = tuple[tuple[float, str], ...]
"""Weights and names of intermediate arms."""

EstimateOrReason = stats.Estimate | str
"""An estimate, or the reason why there is none."""


def is_baseline(arm: Intermediate) -> bool:
    return not arm.trains and not is_control(arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenArms:
    """The arm with the best score on the source language's development data, for each seed."""

    by_seed: Mapping[int, str]

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each arm was chosen, most frequent first."""
        return dict(Counter(self.by_seed.values()).most_common())


class Transfer:
    """Zero-shot estimates after each intermediate arm; results are cached."""

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
        """Intermediate arms with training, without controls."""
        self.baseline = next((name for name, arm in recipe.intermediate.items() if is_baseline(arm)), None)
        self.task_contrast = cache(self._task_contrast)
        self.chosen_arms = cache(self._choose_arms)

    @property
    def suites(self) -> tuple[Suite, ...]:
        """Suites with a published average that share two or more tasks with the recipe."""
        return tuple(s for s in suites.SUITES if s.average and len(set(s.tasks) & set(self.designs)) > 1)

    def languages(self, task: str) -> tuple[str, ...]:
        """The languages of a task's mean: each language once, without development languages; the source language only
        if the suite's published average includes it."""
        design = self.designs[task]
        published = (suite for suite in suites.SUITES if suite.average and suite.english_in_average)
        with_source = any(task in suite.tasks for suite in published)
        excluded = design.development_languages if with_source else {design.source, *design.development_languages}
        scored = dict.fromkeys(cell.language for cell in self.cells if cell.task == task)
        return one_locale_each(tuple(language for language in scored if language not in excluded))

    def effect(self, tasks: Sequence[str], arm: str) -> EstimateOrReason:
        """Arm minus baseline, mean over tasks."""
        if self.baseline is None:
            return "the recipe has no arm without intermediate training"
        return self.pooled(tasks, ((1.0, arm), (-1.0, self.baseline)))

    def arm_mean(self, tasks: Sequence[str], arm: str) -> EstimateOrReason:
        """The mean score over tasks after an arm; the interval is clipped to [0, 1]."""
        estimate = self.pooled(tasks, ((1.0, arm),))
        return (
            estimate
            if isinstance(estimate, str)
            else replace(estimate, low=max(0.0, estimate.low), high=min(1.0, estimate.high))
        )

    def pooled(
        self, tasks: Sequence[str], arms: ArmWeights, weights: Sequence[float] | None = None
    ) -> EstimateOrReason:
        """A weighted sum of arms, averaged over tasks, or summed with `weights`."""
        results = {task: self.task_contrast(task, arms) for task in tasks}
        if reasons := [f"{task}: {result}" for task, result in results.items() if isinstance(result, str)]:
            return "; ".join(reasons)
        contrasts = [results[task] for task in tasks]
        try:
            return stats.pooled([contrast for contrast in contrasts if not isinstance(contrast, str)], weights)
        except UserError as error:
            return error.message

    def _task_contrast(self, task: str, arms: ArmWeights) -> stats.TaskContrast | str:
        languages = self.languages(task)
        if not languages:
            return "no language remains without the source and development languages"
        chosen_arms = self.chosen_arms(task) if any(name == CHOSEN_ARM for _, name in arms) else ChosenArms(by_seed={})
        if isinstance(chosen_arms, str):
            return chosen_arms
        names = {name for _, name in arms} - {CHOSEN_ARM} | set(chosen_arms.counts)
        if reason := self._why_incomplete(task, names, languages):
            return reason
        terms = [(weight, self._items(task, chosen_arms if name == CHOSEN_ARM else name)) for weight, name in arms]
        metric = self.designs[task].task.metric
        try:
            return stats.task_contrast(terms, metric, languages=languages, resamples=self.resamples)
        except UserError as error:
            return error.message

    def _why_incomplete(self, task: str, arms: set[str], languages: Sequence[str]) -> str:
        """Why scores of these arms on a task are missing; empty if none are."""
        task_cells = [cell for cell in self.cells if cell.task == task and cell.language in languages]
        if absent := sorted(arms - {cell.intermediate for cell in task_cells}):
            return f"this recipe does not score it after {', '.join(absent)}"
        missing = sum(cell.intermediate in arms and cell.artifact not in self.items for cell in task_cells)
        return f"{plural(missing, 'score')} missing" if missing else ""

    def _items(self, task: str, arm: str | ChosenArms) -> ArmItems:
        if isinstance(arm, str):
            return arm_items(self.cells, self.store, task, ArmName(intermediate=arm), self.items)
        by_arm = {name: self._items(task, name) for name in arm.counts}
        return {
            language: {(seed, None): by_arm[name][language][seed, None] for seed, name in arm.by_seed.items()}
            for language in self.languages(task)
        }

    def _choose_arms(self, task: str) -> ChosenArms | str:
        """For each seed the arm with the best development score (the first of equal ones), or why there is none."""
        design, target = self.designs[task], self.recipe.targets[task]
        if design.retrieval:
            return "the task is not fine-tuned, so there is no development score to choose an arm by"
        if target.split == "dev":
            return "the task is scored on its development split, so the arm cannot be chosen on it"
        cells = {
            (cell.seed, cell.intermediate): cell
            for cell in self.cells
            if cell.task == task and cell.intermediate in self.arms and cell.seed is not None
        }
        scores = {seed_and_arm: self._development_score(cell) for seed_and_arm, cell in cells.items()}
        if missing := sum(score is None for score in scores.values()) or not scores:
            return f"{plural(int(missing), 'development score')} missing"
        best_first = sorted(scores, key=lambda key: (-(scores[key] or 0.0), self.arms.index(key[1])))
        by_seed: dict[int, str] = {}
        for seed, _ in scores:
            by_seed[seed] = next(arm for other, arm in best_first if other == seed)
        return ChosenArms(by_seed=by_seed)

    def _development_score(self, cell: Cell) -> float | None:
        """The best score of the cell's target stage on the source language's development data."""
        (parent, *_) = self.graph.stages[cell.artifact].inputs
        manifest = self.store.manifest(parent)
        if manifest is None or not isinstance(manifest.facts, TrainedFacts):
            return None
        return max((value for _, value in manifest.facts.training.curve), default=None)
