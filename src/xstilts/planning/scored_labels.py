"""Whether the benchmark files that a recipe scores have labels."""

from collections.abc import Mapping
from pathlib import Path

from xstilts.cache.sources import Files
from xstilts.data.load import check_labels, load
from xstilts.errors import DataError
from xstilts.planning.graph import Graph
from xstilts.planning.stage import SplitRead, uncapped
from xstilts.tasks.task import Task


def check_scored_labels(graph: Graph, tasks: Mapping[str, Task], cache: Path) -> None:
    """Parse the local benchmark files that are scored or selected on, before anything is trained.

    Raises DataError with one line for each split that cannot be read or has no labels.
    """
    errors: dict[str, str] = {}
    for read in _evaluated(graph):
        task, language = tasks[read.data.task], read.data.language
        if task.benchmark is None or not _is_local(task, language):
            continue
        try:
            check_labels(load(task, language, read.split, cache=cache, offline=True), task, read.split)
        except DataError as error:
            errors[error.message] = error.hint
    if errors:
        raise DataError("\n  ".join(errors), "\n  ".join(dict.fromkeys(filter(None, errors.values()))))


def _evaluated(graph: Graph) -> dict[SplitRead, None]:
    reads = (read for stage in graph.stages.values() for read in stage.splits_read)
    return {
        SplitRead(data=uncapped(read.data), split=read.split, role="score"): None
        for read in reads
        if read.role in ("score", "select", "calibrate")
    }


def _is_local(task: Task, language: str) -> bool:
    return any(isinstance(source, Files) for source in task.sources_by_language.get(language, ()))
