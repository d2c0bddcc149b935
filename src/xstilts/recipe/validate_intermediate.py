"""Checks that intermediate arms fit their tasks."""

from collections.abc import Iterator

from xstilts.config.recipe import Intermediate
from xstilts.config.training import Align
from xstilts.data.translation.codes import language_tokens
from xstilts.recipe.issues import Issue, Path, Scope, unknown_languages, unknown_split
from xstilts.recipe.resolve import non_english
from xstilts.tasks.task import Task, groups_comparable


def validate_intermediate(scope: Scope) -> Iterator[Issue]:
    for name, arm in scope.recipe.intermediate.items():
        path = ("intermediate", name)
        yield from _tasks(scope, path, arm)
        if arm.shuffle_labels and arm.trains and not arm.tasks and not scope.is_removed(*path, "tasks"):
            message = f"the arm {name!r} has no tasks, so there are no labels to shuffle"
            yield Issue("no-labels", (*path, "shuffle_labels"), message, "name `tasks`, or remove `shuffle_labels`")
        for block, train in (("train", arm.train), ("align", arm.align.train if arm.align else None)):
            if train and train.refit:
                keys = (block, "train", "refit") if block == "align" else (block, "refit")
                message = f"`refit` is for targets; the heads of the arm {name!r} are not kept"
                yield Issue("not-applicable", (*path, *keys), message, "remove it")
        if arm.align:
            yield from _align(scope, (*path, "align"), arm.align)
        if arm.match_steps_of is not None:
            yield from _matched_arm(scope, (*path, "match_steps_of"), arm.match_steps_of)


def _tasks(scope: Scope, path: Path, arm: Intermediate) -> Iterator[Issue]:
    for name in arm.tasks:
        task = scope.tasks.get(name)
        if task is None:
            yield from scope.unknown_task((*path, "tasks"), name)
        elif not task.spec.is_trained:
            message = f"{name!r} is a {task.problem} task, which has no training"
            yield Issue("not-trainable", (*path, "tasks"), message, "name a task with labels")
        else:
            yield from scope.images((*path, "tasks"), task)
            yield from unknown_languages((*path, "language"), [arm.language], task)
            yield from _translation((*path, "translate"), arm, task)


def _translation(path: Path, arm: Intermediate, task: Task) -> Iterator[Issue]:
    translate = arm.translate
    if translate is None:
        return
    if not task.spec.translated_columns:
        message = f"{task.name!r} is a {task.problem} task, whose examples are not translated"
        yield Issue("not-applicable", path, message, "remove `translate`, or leave the task out")
        return
    if translate.files is not None:
        if task.name not in translate.files:
            message = f"`translate.files` names no file for the task {task.name!r}"
            yield Issue("missing-key", (*path, "files"), message, f"add `{task.name}: PATH`")
        return
    if not task.spec.is_machine_translatable:
        message = f"{task.name!r} is a {task.problem} task: a translation model does not keep its labels"
        yield Issue("not-applicable", (*path, "model"), message, "give translated data as `files`")
    for language in dict.fromkeys((arm.language, *translate.to)):
        if language not in translate.codes and not language_tokens(language):
            message = f"the translation model's code for {language!r} is unknown"
            yield Issue("unknown-language", (*path, "to"), message, "give it in `translate.codes`")


def _align(scope: Scope, path: Path, align: Align) -> Iterator[Issue]:
    task = scope.tasks.get(align.task)
    if task is None:
        yield from scope.unknown_task((*path, "task"), align.task)
        return
    if not task.spec.is_translation:
        message = f"{task.name!r} is a {task.problem} task, which has no pairs of translations"
        yield Issue("not-applicable", (*path, "task"), message, "name a retrieval task, such as ui-bitext")
        return
    languages = non_english(task) if align.languages is None else align.languages
    if not languages and not scope.is_removed(*path, "languages"):
        yield Issue("empty-list", (*path, "languages"), "`align.languages` is empty", "name at least one")
    yield from unknown_languages((*path, "languages"), languages, task)
    yield from unknown_split((*path, "split"), languages, align.split, task)
    for name, target in scope.recipe.targets.items():
        other = scope.tasks.get(name)
        if other and target.split == align.split and groups_comparable(task, other):
            message = f"the target {name!r} is scored on {align.split!r}, so it must not be trained on"
            yield Issue("split-in-use", (*path, "split"), message, "name another split")


def _matched_arm(scope: Scope, path: Path, name: str) -> Iterator[Issue]:
    yield from scope.unknown_arms(path, [name])
    other = scope.recipe.intermediate.get(name)
    if other and not other.trains and not scope.is_removed("intermediate", name):
        message = f"the arm {name!r} trains nothing, so it has no steps to match"
        yield Issue("no-training", path, message, "name an arm with `tasks`, `mlm` or `align`")
