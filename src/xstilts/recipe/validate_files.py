"""Loads the tasks of a recipe, and checks that its files exist."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath

from xstilts.cache.wheels import cache_dir
from xstilts.config.recipe import Recipe
from xstilts.data.benchmark_files import bind
from xstilts.data.corpora import check_location
from xstilts.data.user_files import UserFiles, pool_labels, user_task
from xstilts.encoders import find_card
from xstilts.errors import DataError, SourceError, UserError
from xstilts.platform.files import expand_home, is_file
from xstilts.recipe.issues import Issue
from xstilts.recipe.resolve import OTHER_LANGUAGES, layer_selection_task, text_settings
from xstilts.recipe.translation import find_translation_file, translation_files
from xstilts.tasks import load_task, task_names
from xstilts.tasks.task import Task


def load_tasks(recipe: Recipe, base: FilePath, root: FilePath | None) -> tuple[dict[str, Task], tuple[Issue, ...]]:
    """The recipe's tasks by name, and issues for those that cannot be loaded.

    `root` is the data root, the folder of native benchmark files.
    """
    tasks: dict[str, Task] = {}
    issues: list[Issue] = []
    for name, block in recipe.tasks.items():
        if name in task_names():
            message = f"{name!r} is the name of a shipped task"
            issues.append(Issue("reserved-name", ("tasks", name), message, "rename your task"))
        elif missing := tuple(_missing_files(recipe, name, base)):
            issues += missing
        else:
            try:
                tasks[name] = _with_pool_labels(user_task(name, block, base), recipe)
            except UserError as error:
                issues.append(Issue("invalid-task", ("tasks", name), error.message, error.hint))
    for name in sorted(_named_tasks(recipe) & set(task_names())):
        partition = recipe.partition.get(name)
        tasks[name] = bind(load_task(name), root=root, cache=cache_dir(), partition=partition)
    return tasks, tuple(issues)


def _with_pool_labels(task: Task, recipe: Recipe) -> Task:
    """The task with the classes to learn from shots, if there are shots and classes."""
    if recipe.fewshot is None or not task.spec.has_classes or not isinstance(task.read, UserFiles):
        return task
    return replace(task, pool_labels=pool_labels(task, task.read, cache_dir()))


def validate_files(recipe: Recipe, base: FilePath, root: FilePath | None) -> Iterator[Issue]:
    """Unlabelled texts, translation models and files of translations that do not exist."""
    for block, settings in text_settings(recipe).items():
        for language, location in settings.texts.items():
            path = (*block, "texts", language)
            try:
                check_location(location, base)
            except SourceError as error:
                yield Issue("missing-file", path, error.message, error.hint)
            except DataError as error:
                yield Issue("invalid-text-source", path, error.message, error.hint)
    for name, arm in recipe.intermediate.items():
        path = ("intermediate", name, "translate")
        if arm.translate and arm.translate.model is not None:
            yield from _model((*path, "model"), arm.translate.model)
        for task, file in translation_files(arm):
            try:
                find_translation_file(file, base, root)
            except SourceError as error:
                yield Issue("missing-file", (*path, "files", task), error.message, error.hint)


def _missing_files(recipe: Recipe, name: str, base: FilePath) -> Iterator[Issue]:
    for language, files in recipe.tasks[name].files.items():
        path = ("tasks", name, "files", language)
        by_path = {path: files} if isinstance(files, str) else {(*path, split): f for split, f in files.items()}
        for file_path, file in by_path.items():
            local_file = base / expand_home(file)
            if not is_file(local_file):
                yield Issue("missing-file", file_path, f"no file {local_file}", "paths are relative to the recipe")


def _named_tasks(recipe: Recipe) -> set[str]:
    shipped = {name: load_task(name) for name in recipe.targets.keys() & set(task_names())}
    selection = {
        layer_selection_task(recipe.targets[name], task) for name, task in shipped.items() if not task.spec.is_trained
    } - {OTHER_LANGUAGES}
    return {*recipe.targets, *selection, *(name for arm in recipe.intermediate.values() for name in arm.reads)}


def _model(path: tuple[str, ...], name: str) -> Iterator[Issue]:
    try:
        find_card(name)
    except UserError:
        yield Issue("unknown-model", path, f"{name!r} is neither a folder nor a Hub id", "write a Hub id as owner/name")
