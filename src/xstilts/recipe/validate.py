"""Checks that a recipe is consistent and fits its tasks. Reads names and folders only, no data."""

from collections.abc import Iterator, Mapping

from xstilts.config.recipe import Recipe
from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import UserError, did_you_mean
from xstilts.recipe.issues import Issue, Path, Scope, dotted
from xstilts.recipe.resolve import (
    applicable_methods,
    fewshot_languages,
    has_frozen_arm,
    intermediate_arms,
    sampled_ks,
    scored_languages,
)
from xstilts.recipe.validate_fewshot import validate_fewshot
from xstilts.recipe.validate_intermediate import validate_intermediate
from xstilts.recipe.validate_primary import validate_primary
from xstilts.recipe.validate_targets import validate_targets
from xstilts.tasks import task_names
from xstilts.tasks.task import Task

MAX_STAGES = 2_000_000

_NOT_EMPTY: tuple[Path, ...] = (
    ("seeds",),
    ("targets",),
    ("intermediate",),
    ("fewshot", "shots"),
    ("fewshot", "methods"),
)


def validate(recipe: Recipe, tasks: Mapping[str, Task], removed: frozenset[Path] = frozenset()) -> tuple[Issue, ...]:
    """All issues of a recipe. `tasks` are those of its tasks that could be loaded, by name.

    `removed` are paths of invalid values that are missing from `recipe`; issues that only follow from their absence are
    not reported.
    """
    card, encoder_issues = _encoder(recipe)
    scope = Scope(recipe=recipe, tasks=tasks, card=None if ("encoder",) in removed else card, removed=removed)
    return (
        *encoder_issues,
        *_empty_lists(scope),
        *_duplicates(scope, (), recipe.model_dump()),
        *_partitions(scope),
        *validate_intermediate(scope),
        *validate_targets(scope),
        *validate_fewshot(scope),
        *validate_primary(scope),
        *_too_many_stages(scope),
    )


def _encoder(recipe: Recipe) -> tuple[EncoderCard | None, tuple[Issue, ...]]:
    path = ("encoder",)
    try:
        card = find_card(recipe.encoder)
    except UserError as error:
        return None, (Issue("unknown-encoder", path, error.message, error.hint),)
    if card.kind == "vision":
        message, hint = f"{card.name} reads no text", f"add a text encoder, as in e5-small+{card.name}"
        return None, (Issue("no-text-encoder", path, message, hint),)
    return card, ()


def _empty_lists(scope: Scope) -> Iterator[Issue]:
    for path in _NOT_EMPTY:
        block = scope.recipe.fewshot if path[0] == "fewshot" else scope.recipe
        if block is not None and not getattr(block, str(path[-1])) and not scope.is_removed(*path):
            yield Issue("empty-list", path, f"{dotted(path)} is empty", "name at least one")


def _duplicates(scope: Scope, path: Path, value: object) -> Iterator[Issue]:
    """Values that occur twice in a list, such as a seed or a language."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _duplicates(scope, (*path, key), inner)
    elif isinstance(value, tuple) and not scope.is_removed(*path):
        previous: set[object] = set()
        for index, item in enumerate(value):
            hashable = repr(item) if isinstance(item, dict | list) else item
            if hashable in previous:
                yield Issue("duplicate-value", (*path, index), f"{dotted(path)} names {item!r} twice", "remove one")
            previous.add(hashable)


def _partitions(scope: Scope) -> Iterator[Issue]:
    for name in scope.recipe.partition:
        if name in scope.recipe.tasks:
            message = f"{name!r} is a task of the recipe, not a shipped one"
            yield Issue("not-applicable", ("partition", name), message, "set `fractions` of its files instead")
        elif name not in task_names() and not scope.is_removed("tasks", name):
            yield Issue("unknown-task", ("partition", name), f"unknown task {name!r}", did_you_mean(name, task_names()))


def _too_many_stages(scope: Scope) -> Iterator[Issue]:
    """An issue if the graph would not fit into memory; estimated, because expanding it would take too long."""
    recipe = scope.recipe
    count = estimated_stages(recipe, scope.tasks)
    if count > MAX_STAGES:
        draws = recipe.fewshot.draws if recipe.fewshot else 0
        path = ("fewshot", "draws") if draws > len(recipe.seeds) else ("seeds",)
        message = f"the recipe has about {count:,} stages, but at most {MAX_STAGES:,} are possible"
        yield Issue("too-large", path, message, "use fewer seeds, draws, shots, methods or languages")


def estimated_stages(recipe: Recipe, tasks: Mapping[str, Task]) -> int:
    """The number of stages of a recipe, without those that are few and shared."""
    count = 0
    for name, target in recipe.targets.items():
        if (task := tasks.get(name)) is None:
            continue
        scored, adapted = len(scored_languages(target, task)), 0
        languages = scored * (1 + target.translate_test)
        if (fewshot := recipe.fewshot) and (fewshot.tasks is None or name in fewshot.tasks):
            controls = fewshot.more_english + fewshot.without_target + (fewshot.also_select is not None)
            methods = applicable_methods(fewshot, task)
            adapted = len(fewshot_languages(fewshot, target, task)) * len(sampled_ks(fewshot)) * fewshot.draws
            languages += adapted * len(methods) * (1 + controls)
            languages += scored * sum(method.fits_english for method in methods)
        if has_frozen_arm(recipe, task):
            languages += scored + adapted
        if recipe.majority and task.spec.trivial_baseline:
            count += scored + adapted * task.spec.trivial_baseline_uses_shots
        count += len(intermediate_arms(recipe, target, task)) * len(recipe.seeds) * (1 + languages)
    return count
