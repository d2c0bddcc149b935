"""What predicates ask of a recipe: its arms by what they train on, the tasks of a mean, and estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from xstilts.analysis import stats
from xstilts.analysis.claims.setting import shortfalls
from xstilts.analysis.claims.statements import Over, Statements
from xstilts.analysis.transfer import Result, Transfer, Weights
from xstilts.tasks import suites

_ADDED = ("mlm", "align", "translate")
"""Fields of an arm that add to plain English tasks."""

Outcome = Literal["holds", "fails", "open", "untested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of a predicate. `lacks` is what keeps it from being a test of the paper itself."""

    outcome: Outcome
    why: str = ""
    measured: Mapping[str, stats.Estimate] = field(default_factory=dict)
    """Estimates by what they are of, in units of the metric."""
    tasks: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class NotTestable(Exception):  # noqa: N818
    """The recipe or its store has not what a predicate needs."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The scores of a recipe, asked for in a paper's words. Raises NotTestable where it has not what is asked for."""

    transfer: Transfer
    statements: Statements

    def known(self, result: Result) -> stats.Estimate:
        if isinstance(result, str):
            raise NotTestable(result)
        return result

    def present(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The targets of the suite that the recipe has, and what it lacks of them."""
        return self._here(self._all_means()["all"])

    def tasks(self, over: Over) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The same of one of its means; NotTestable where there is none."""
        mean = self._all_means()[over]
        if not mean.tasks:
            raise NotTestable("the recipe has none of these targets: " + ", ".join(mean.absent))
        return self._here(mean)

    def _here(self, mean: suites.Mean) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return mean.tasks, (f"absent: {', '.join(mean.absent)}",) if mean.absent else ()

    def mean(self, over: Over) -> str:
        return self._all_means()[over].name

    def _all_means(self) -> Mapping[Over, suites.Mean]:
        suite = suites.suite(self.statements.suite)
        whole, trained, retrieval = suites.means(suite, self.transfer.designs)
        return {"all": whole, "trained": trained, "retrieval": retrieval}

    def target(self, name: str) -> str:
        if name not in self.transfer.designs:
            raise NotTestable(f"{name} is no target of the recipe")
        return name

    def lacks(self, tasks: Sequence[str], arms: Sequence[str]) -> tuple[str, ...]:
        return shortfalls(self.transfer, self.statements, tasks, arms)

    def plain(self) -> list[str]:
        """Arms that train on English tasks and nothing else."""
        arms = self.transfer.recipe.intermediate
        return [
            name
            for name in self.transfer.arms
            if arms[name].language == "en" and not any(getattr(arms[name], field, None) for field in _ADDED)
        ]

    def parts(self, together: str) -> list[str]:
        """The arms with one task of those of an arm."""
        arms = self.transfer.recipe.intermediate
        return [name for name in self.singles() if set(arms[name].tasks) <= set(arms[together].tasks)]

    def singles(self) -> list[str]:
        """The plain arms with one of the tasks that the statements speak of."""
        tasks = {(task,) for task in self.statements.intermediates}
        return [name for name in self.plain() if self.transfer.recipe.intermediate[name].tasks in tasks]

    def many(self) -> tuple[list[str], tuple[str, ...]]:
        """The arms with one task, and which of the paper's have none."""
        singles = self.singles()
        if not singles:
            raise NotTestable("no intermediate arm trains on one of the paper's tasks alone")
        have = {self.transfer.recipe.intermediate[arm].tasks[0] for arm in singles}
        absent = [task for task in self.statements.intermediates if task not in have]
        return singles, (f"no arm for {', '.join(absent)}",) if absent else ()

    def arm(self, tasks: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """The plain arm with these tasks, or of several with most of them; and what it lacks."""
        arms = self.transfer.recipe.intermediate
        wanted, least = set(tasks), min(2, len(tasks))
        found = [name for name in self.plain() if set(arms[name].tasks) <= wanted and len(arms[name].tasks) >= least]
        if not found:
            what = f"on {tasks[0]} alone" if len(tasks) == 1 else "on several of these tasks together"
            raise NotTestable(f"no intermediate arm trains {what}")
        arm = max(found, key=lambda name: len(arms[name].tasks))
        fewer = len(wanted) - len(arms[arm].tasks)
        return arm, (f"{arm} trains on {len(arms[arm].tasks)} of {len(wanted)} tasks",) if fewer else ()

    def pairs(self, other: str) -> list[tuple[str, str]]:
        """Plain arms beside those with the addition on the same tasks."""
        arms = self.transfer.recipe.intermediate
        added = [name for name in self.transfer.arms if getattr(arms[name], other, None)]
        pairs = [
            (plain, name) for name in added for plain in self.plain() if set(arms[plain].tasks) == set(arms[name].tasks)
        ]
        if not pairs:
            what = "with it" if not added else "without it on the same tasks"
            raise NotTestable(f"no intermediate arm {what} (`{other}`)")
        return pairs

    def mean_gain(self, arms: Sequence[str]) -> Weights:
        if self.transfer.baseline is None:
            raise NotTestable("the recipe has no arm without intermediate training")
        return (*((1 / len(arms), arm) for arm in arms), (-1.0, self.transfer.baseline))
