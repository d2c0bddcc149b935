"""Checks the benchmark files that a recipe reads: rows, and labels of what is scored or selected on."""

from collections.abc import Mapping
from pathlib import Path

from xstilts.data.benchmark_files import unresolved_sources
from xstilts.data.benchmark_splits import hub_splits
from xstilts.data.hub_data import missing_files
from xstilts.data.load import check_labels, is_cached, load
from xstilts.errors import DataError, UserError
from xstilts.inspection.finding import Finding, row_findings
from xstilts.planning.stage import Stage, uncapped
from xstilts.problems import Example
from xstilts.tasks.task import Task

_EVALUATED = ("score", "select", "calibrate")


class BenchmarkData:
    """The examples of benchmarks, as far as they can be read without a download."""

    def __init__(self, tasks: Mapping[str, Task], root: Path | None, cache: Path) -> None:
        self._tasks, self._root, self._cache = tasks, root, cache

    def is_local(self, name: str, language: str, split: str) -> bool:
        """Whether all files of a language are below the data root or in the cache, and have the split."""
        task = self._tasks[name]
        if is_cached(task, language, split, self._cache):
            return True
        if unresolved_sources(task, language) or split not in task.splits.get(language, ()):
            return False
        missing = (
            missing_files(source.hub, source.split, hub_language, cache=self._cache)
            for source, hub_language in hub_splits(task, self._root, language)
            if source.hub
        )
        return all(files is not None and not files for files in missing)

    def load(self, name: str, language: str, split: str) -> tuple[Example, ...]:
        return load(self._tasks[name], language, split, cache=self._cache, offline=True)


def check_benchmarks(
    stages: Mapping[str, Stage], tasks: Mapping[str, Task], data: BenchmarkData
) -> tuple[list[Finding], tuple[str, ...]]:
    """Errors in the benchmark files that `stages` read, and the data that are not checked because they are missing."""
    findings: dict[str, Finding] = {}
    unchecked: dict[str, dict[str, None]] = {}
    for (name, language, split), is_evaluated in _splits_read(stages, tasks).items():
        try:
            if not data.is_local(name, language, split):
                unchecked.setdefault(name, {})[language] = None
                continue
            examples = data.load(name, language, split)
            if is_evaluated:
                check_labels(examples, tasks[name], split)
        except DataError as error:
            for finding in row_findings([error], "invalid-row", name, language, split):
                findings.setdefault(finding.message, finding)
        except UserError:  # a file is missing: `plan` and `run` list it
            unchecked.setdefault(name, {})[language] = None
    return list(findings.values()), tuple(f"{name} ({', '.join(names)})" for name, names in unchecked.items())


def _splits_read(stages: Mapping[str, Stage], tasks: Mapping[str, Task]) -> dict[tuple[str, str, str], bool]:
    """The benchmark splits that stages read, and whether they are scored or selected on."""
    splits: dict[tuple[str, str, str], bool] = {}
    for read in (read for stage in stages.values() for read in stage.splits_read):
        if tasks[read.data.task].benchmark is not None and read.data.translated is None:
            data = uncapped(read.data)
            key = data.task, data.language, read.split
            splits[key] = splits.get(key, False) or read.role in _EVALUATED
    return splits
