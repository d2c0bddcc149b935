"""Files of benchmarks that are on no Hub, and images: what stages read of them and is not below the data root."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import assert_never

from xstilts.config.splits import shots_split
from xstilts.data.benchmark_files import missing_locally
from xstilts.data.images.folders import collections, folders
from xstilts.data.images.local_folders import ABSENT, state
from xstilts.planning.graph import Graph
from xstilts.planning.specs import (
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
    TranslateStage,
)
from xstilts.planning.stage import Data
from xstilts.tasks.task import Task

ON_THE_WEB = frozenset({"wit"})
"""Collections whose images can be fetched one by one."""
SplitRead = tuple[Data, str]
"""A split that a stage reads."""


def missing_files(tasks: Mapping[str, Task], graph: Graph) -> tuple[str, ...]:
    """A line for each file that a split is looked for in and that is not at hand, with the languages it lacks in."""
    lacking: dict[str, dict[str, dict[str, None]]] = {}
    for data, split in dict.fromkeys(read for spec in graph.stages.values() for read in splits_read(spec)):
        if (file := missing_locally(tasks[data.task], data.language, split)) is not None:
            lacking.setdefault(file, {}).setdefault(f"{split} of {data.task}", {})[data.language] = None
    return tuple(f"{file} ({_told(users)})" for file, users in lacking.items())


def _told(users: Mapping[str, Mapping[str, None]]) -> str:
    return "; ".join(f"{split}: {', '.join(languages)}" for split, languages in users.items())


def missing_images(tasks: Mapping[str, Task], graph: Graph, root: Path | None, cache: Path) -> tuple[str, ...]:
    """A line for each collection of which no image is below the data root."""
    shown: dict[str, dict[str, None]] = {}
    for data, _ in dict.fromkeys(read for spec in graph.stages.values() for read in splits_read(spec)):
        for name in tasks[data.task].images:
            if name in collections() and name not in ON_THE_WEB:
                shown.setdefault(name, {})[data.task] = None
    return tuple(
        f"images of {name}, in one of {', '.join(folders(name))} ({', '.join(users)})"
        for name, users in shown.items()
        if state(name, root, cache) == ABSENT
    )


def splits_read(spec: Spec) -> Iterator[SplitRead]:
    match spec:
        case IntermediateStage():
            yield from ((data, "train") for data in spec.data if data.translated is None)
        case TargetStage():
            yield from ((spec.data, split) for split in ("train", "dev"))
        case EvaluateStage():
            yield spec.data, spec.split
        case FewshotStage():
            yield spec.evaluation, spec.split
            yield from _shots(spec)
            if spec.selection != "none":
                yield (spec.data if spec.selection == "english_dev" else spec.evaluation), "dev"
        case PretrainedStage() | TranslateStage() | AlignStage() | ChooseLayerStage() | RetrieveStage() | MineStage():
            pass
        case _:
            assert_never(spec)


def _shots(spec: FewshotStage) -> Iterator[SplitRead]:
    if spec.fixed_shots is not None:
        yield spec.evaluation, shots_split(spec.fixed_shots)
    elif spec.multilingual is not None:
        yield from ((data, "train") for data in spec.multilingual)
    else:
        same = spec.shots_language == spec.evaluation.language
        yield (spec.evaluation if same else spec.data), "train"
