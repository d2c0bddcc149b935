"""Overlaps of a benchmark's splits that a recipe trains and scores on, as far as their examples are cached."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from xstilts.cache.checksums import cached_text
from xstilts.data.leakage import Identity, count_shared
from xstilts.data.load import is_cached, load
from xstilts.planning.fewshot_spec import FewshotStage
from xstilts.planning.graph import Graph
from xstilts.planning.stage import SplitRead
from xstilts.tasks.task import Task, overlap_as_published

_Split = tuple[str, str, str]
"""Task, language and split."""


def cached_overlaps(graph: Graph, tasks: Mapping[str, Task], cache: Path) -> tuple[str, ...]:
    """One line for each evaluated split that shares items with a training split or a pool of shots.

    Published splits may overlap; scored examples are never sampled from a pool. Only splits that are parsed already are
    compared, so nothing is downloaded or parsed. Caps on the number of examples are ignored.
    """
    lines: list[str] = []
    for trained, evaluated in _trained_and_evaluated(graph, tasks):
        if counts := _shared(evaluated, trained, tasks, cache):
            lines.append(
                f"{_name(evaluated)}: {counts[0]:,} of {counts[1]:,} items share a text or group with {_name(trained)}"
            )
    for pool, evaluated in _pools_and_evaluated(graph):
        if counts := _shared(pool, evaluated, tasks, cache):
            lines.append(
                f"{_name(pool)}: {counts[0]:,} of {counts[1]:,} examples in the pool of shots share a text or group "
                f"with {_name(evaluated)}, and are never sampled"
            )
    return tuple(lines)


def _trained_and_evaluated(graph: Graph, tasks: Mapping[str, Task]) -> tuple[tuple[_Split, _Split], ...]:
    pairs: dict[tuple[_Split, _Split], None] = {}
    for key, stage in graph.stages.items():
        evaluated = [_split(read) for read in stage.splits_read if read.role in ("score", "select")]
        for trained in set(_trained_on(graph, key)) if evaluated else ():
            for scored in evaluated:
                if overlap_as_published(tasks[scored[0]], scored[2], tasks[trained[0]], trained[2]):
                    pairs[trained, scored] = None
    return tuple(sorted(pairs))


def _trained_on(graph: Graph, key: str) -> Iterator[_Split]:
    """The training data of a stage and its ancestors, without pools of shots."""
    stage = graph.stages[key]
    pools = stage.pools if isinstance(stage, FewshotStage) else ()
    for read in stage.splits_read:
        if read.role == "train" and read.data not in pools and not read.data.translated:
            yield _split(read)
    for parent in stage.inputs:
        yield from _trained_on(graph, parent)


def _pools_and_evaluated(graph: Graph) -> tuple[tuple[_Split, _Split], ...]:
    stages = [stage for stage in graph.stages.values() if isinstance(stage, FewshotStage) and not stage.fixed_shots]
    pairs = {
        ((pool.task, pool.language, "train"), (stage.evaluation.task, stage.evaluation.language, stage.split)): None
        for stage in stages
        for pool in stage.pools
    }
    return tuple(sorted(pairs))


def _split(read: SplitRead) -> _Split:
    return read.data.task, read.data.language, read.split


def _name(split: _Split) -> str:
    task, language, name = split
    return f"{task} {language} {name}"


def _shared(counted: _Split, other: _Split, tasks: Mapping[str, Task], cache: Path) -> tuple[int, int] | None:
    """How many examples of a split share a group or an image with the other, and how many it has; None if there are
    none, or a split is not cached."""
    splits = (counted, other)
    if not all(is_cached(tasks[task], language, split, cache) for task, language, split in splits):
        return None

    def compute() -> str:
        examples, others = (
            load(tasks[task], language, split, cache=cache, offline=True) for task, language, split in splits
        )
        return json.dumps([count_shared([Identity.of(others)], examples), len(examples)])

    state = [part for task, language, split in splits for part in (tasks[task].fingerprint(language), language, split)]
    count, total = json.loads(cached_text("overlaps", state, cache, compute))
    return (count, total) if count else None
