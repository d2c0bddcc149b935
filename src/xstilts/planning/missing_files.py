"""Local benchmark files and image collections that stages read but the data root lacks."""

from collections.abc import Mapping
from pathlib import Path

from xstilts.data.benchmark_splits import missing_locally
from xstilts.data.images.folders import image_folders, local_collections
from xstilts.data.images.local_folders import NO_IMAGES, folder_digest
from xstilts.planning.graph import Graph
from xstilts.planning.stage import Data
from xstilts.tasks.task import Task

ON_THE_WEB = frozenset({"wit"})
"""Collections whose images can be downloaded one by one."""


def missing_files(tasks: Mapping[str, Task], graph: Graph) -> tuple[str, ...]:
    """One line for each missing benchmark file, with the splits and languages that need it."""
    users_by_file: dict[str, dict[str, dict[str, None]]] = {}
    for data, split in splits_read(graph):
        if (file := missing_locally(tasks[data.task], data.language, split)) is not None:
            users_by_file.setdefault(file, {}).setdefault(f"{split} of {data.task}", {})[data.language] = None
    lists = {
        file: "; ".join(f"{split}: {', '.join(languages)}" for split, languages in users.items())
        for file, users in users_by_file.items()
    }
    return tuple(f"{file} ({users})" for file, users in lists.items())


def missing_images(tasks: Mapping[str, Task], graph: Graph, root: Path | None, cache: Path) -> tuple[str, ...]:
    """One line for each image collection without any image below the data root, with the tasks that need it."""
    users_by_collection: dict[str, dict[str, None]] = {}
    for data, _ in splits_read(graph):
        for name in tasks[data.task].images:
            if name in local_collections() and name not in ON_THE_WEB:
                users_by_collection.setdefault(name, {})[data.task] = None
    return tuple(
        f"images of {name}, in one of {', '.join(image_folders(name))} ({', '.join(users)})"
        for name, users in users_by_collection.items()
        if folder_digest(name, root, cache) == NO_IMAGES
    )


def splits_read(graph: Graph) -> tuple[tuple[Data, str], ...]:
    """The splits of tasks that stages read, each once. Translated data are excluded: their source is listed by the
    stage that translates it."""
    reads = (read for spec in graph.stages.values() for read in spec.splits_read)
    return tuple(dict.fromkeys((read.data, read.split) for read in reads if read.data.translated is None))
