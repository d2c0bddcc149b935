"""Checks that a recipe is consistent and fits its tasks. Reads names and folders only, no data."""

from collections.abc import Iterator, Mapping

from xstilts.config.recipe import Recipe
from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import UserError, did_you_mean
from xstilts.recipe.issues import Issue, Path, Scope, dotted
from xstilts.recipe.validate_fewshot import validate_fewshot
from xstilts.recipe.validate_intermediate import validate_intermediate
from xstilts.recipe.validate_primary import validate_primary
from xstilts.recipe.validate_targets import validate_targets
from xstilts.tasks import task_names
from xstilts.tasks.task import Task

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
        for index, item in enumerate(value):
            if item in value[:index]:
                yield Issue("duplicate-value", (*path, index), f"{dotted(path)} names {item!r} twice", "remove one")


def _partitions(scope: Scope) -> Iterator[Issue]:
    for name in scope.recipe.partition:
        if name in scope.recipe.tasks:
            message = f"{name!r} is a task of the recipe, not a shipped one"
            yield Issue("not-applicable", ("partition", name), message, "set `fractions` of its files instead")
        elif name not in task_names() and not scope.is_removed("tasks", name):
            yield Issue("unknown-task", ("partition", name), f"unknown task {name!r}", did_you_mean(name, task_names()))
