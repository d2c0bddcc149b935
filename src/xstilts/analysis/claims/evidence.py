"""The evidence for predicates: a recipe's arms by what they train on, the tasks of a mean, and estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from xstilts.analysis import stats
from xstilts.analysis.claims.setting import setting_deviations
from xstilts.analysis.claims.statements import Over, Statements
from xstilts.analysis.transfer import ArmWeights, EstimateOrReason, Transfer
from xstilts.tasks import suites

_ADDITIONS = ("mlm", "align", "translate")
"""Fields of an arm that add something to training on English tasks."""

PredicateOutcome = Literal["holds", "fails", "open", "untested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredicateResult:
    """The outcome of a predicate. `deviations` lists how the setting differs from the paper's."""

    outcome: PredicateOutcome
    why: str = ""
    measured: Mapping[str, stats.Estimate] = field(default_factory=dict)
    """Estimates by description, in units of the metric (0 to 1)."""
    tasks: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()


class NotTestable(Exception):  # noqa: N818
    """The recipe or its store lacks what a predicate needs."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The scores of a recipe, looked up by the terms of a paper. Methods raise NotTestable if something is missing."""

    transfer: Transfer
    statements: Statements

    def require(self, result: EstimateOrReason) -> stats.Estimate:
        """The estimate. Raises NotTestable with the reason if there is none."""
        if isinstance(result, str):
            raise NotTestable(result)
        return result

    def suite_targets(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The suite's targets that the recipe has, and a deviation that lists those it lacks."""
        return self._tasks_and_deviations(self._all_means()["all"])

    def tasks(self, over: Over) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The same for the tasks of one of the suite's means. Raises NotTestable if the recipe has none of them."""
        mean = self._all_means()[over]
        if not mean.tasks:
            raise NotTestable("the recipe has none of these targets: " + ", ".join(mean.missing))
        return self._tasks_and_deviations(mean)

    def _tasks_and_deviations(self, mean: suites.SuiteMean) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return mean.tasks, (f"targets not in the recipe: {', '.join(mean.missing)}",) if mean.missing else ()

    def mean(self, over: Over) -> str:
        return self._all_means()[over].name

    def _all_means(self) -> Mapping[Over, suites.SuiteMean]:
        suite = suites.suite(self.statements.suite)
        all_tasks, trained, retrieval = suites.suite_means(suite, self.transfer.designs)
        return {"all": all_tasks, "trained": trained, "retrieval": retrieval}

    def target(self, name: str) -> str:
        if name not in self.transfer.designs:
            raise NotTestable(f"{name} is not a target of the recipe")
        return name

    def deviations(self, tasks: Sequence[str], arms: Sequence[str]) -> tuple[str, ...]:
        return setting_deviations(self.transfer, self.statements, tasks, arms)

    def english_arms(self) -> list[str]:
        """Arms that train on English tasks and nothing else."""
        arms = self.transfer.recipe.intermediate
        return [
            name
            for name in self.transfer.arms
            if arms[name].language == "en" and not any(getattr(arms[name], field, None) for field in _ADDITIONS)
        ]

    def single_task_arms_of(self, together: str) -> list[str]:
        """The single-task arms that train on a task of the arm `together`."""
        arms = self.transfer.recipe.intermediate
        return [name for name in self.single_task_arms() if set(arms[name].tasks) <= set(arms[together].tasks)]

    def single_task_arms(self) -> list[str]:
        """The English arms that train on exactly one of the paper's intermediate tasks."""
        tasks = {(task,) for task in self.statements.intermediates}
        return [name for name in self.english_arms() if self.transfer.recipe.intermediate[name].tasks in tasks]

    def required_single_task_arms(self) -> tuple[list[str], tuple[str, ...]]:
        """The single-task arms, and a deviation that lists the paper's tasks without one."""
        singles = self.single_task_arms()
        if not singles:
            raise NotTestable("no intermediate arm trains on one of the paper's tasks alone")
        trained = {self.transfer.recipe.intermediate[arm].tasks[0] for arm in singles}
        missing = [task for task in self.statements.intermediates if task not in trained]
        return singles, (f"no arm for {', '.join(missing)}",) if missing else ()

    def arm(self, tasks: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """The English arm that trains on these tasks (with several: on most of them), and how many tasks it lacks."""
        arms = self.transfer.recipe.intermediate
        task_set, min_tasks = set(tasks), min(2, len(tasks))
        candidates = [
            name
            for name in self.english_arms()
            if set(arms[name].tasks) <= task_set and len(arms[name].tasks) >= min_tasks
        ]
        if not candidates:
            which = f"{tasks[0]} alone" if len(tasks) == 1 else "several of these tasks together"
            raise NotTestable(f"no intermediate arm trains on {which}")
        arm = max(candidates, key=lambda name: len(arms[name].tasks))
        missing = len(task_set) - len(arms[arm].tasks)
        return arm, (f"{arm} trains on {len(arms[arm].tasks)} of {len(task_set)} tasks",) if missing else ()

    def arm_pairs(self, other: str) -> list[tuple[str, str]]:
        """Each English arm with the arm that adds `other` (`mlm` or `translate`) to the same tasks."""
        arms = self.transfer.recipe.intermediate
        with_other = [name for name in self.transfer.arms if getattr(arms[name], other, None)]
        pairs = [
            (plain, name)
            for name in with_other
            for plain in self.english_arms()
            if set(arms[plain].tasks) == set(arms[name].tasks)
        ]
        if not with_other:
            raise NotTestable(f"no intermediate arm has `{other}`")
        if not pairs:
            raise NotTestable(f"no English arm trains on the same tasks without `{other}`")
        return pairs

    def mean_gain(self, arms: Sequence[str]) -> ArmWeights:
        """The weights of the mean of the arms minus the baseline."""
        if self.transfer.baseline is None:
            raise NotTestable("the recipe has no arm without intermediate training")
        return (*((1 / len(arms), arm) for arm in arms), (-1.0, self.transfer.baseline))
