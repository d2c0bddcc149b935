"""Files of benchmarks that are on no Hub, and images: what stages read of them and is not below the data root."""

from collections.abc import Mapping
from pathlib import Path

from xstilts.data.benchmark_splits import missing_locally
from xstilts.data.images.folders import image_folders, local_collections
from xstilts.data.images.local_folders import NO_IMAGES, folder_digest
from xstilts.planning.graph import Graph
from xstilts.planning.stage import Data
from xstilts.tasks.task import Task

ON_THE_WEB = frozenset({"wit"})
"""Collections whose images can be fetched one by one."""


def missing_files(tasks: Mapping[str, Task], graph: Graph) -> tuple[str, ...]:
    """A line for each file that a split is looked for in and that is not at hand, with the languages it lacks in."""
    lacking: dict[str, dict[str, dict[str, None]]] = {}
    for data, split in splits_read(graph):
        if (file := missing_locally(tasks[data.task], data.language, split)) is not None:
            lacking.setdefault(file, {}).setdefault(f"{split} of {data.task}", {})[data.language] = None
    return tuple(f"{file} ({_told(users)})" for file, users in lacking.items())


def _told(users: Mapping[str, Mapping[str, None]]) -> str:
    return "; ".join(f"{split}: {', '.join(languages)}" for split, languages in users.items())


def missing_images(tasks: Mapping[str, Task], graph: Graph, root: Path | None, cache: Path) -> tuple[str, ...]:
    """A line for each collection of which no image is below the data root."""
    shown: dict[str, dict[str, None]] = {}
    for data, _ in splits_read(graph):
        for name in tasks[data.task].images:
            if name in local_collections() and name not in ON_THE_WEB:
                shown.setdefault(name, {})[data.task] = None
    return tuple(
        f"images of {name}, in one of {', '.join(image_folders(name))} ({', '.join(users)})"
        for name, users in shown.items()
        if folder_digest(name, root, cache) == NO_IMAGES
    )


def splits_read(graph: Graph) -> tuple[tuple[Data, str], ...]:
    """The splits of tasks that stages read, each once. Translations are left out: the stage that makes them reads the
    task in the language that they are made from."""
    reads = (read for spec in graph.stages.values() for read in spec.splits_read)
    return tuple(dict.fromkeys((read.data, read.split) for read in reads if read.data.translated is None))
