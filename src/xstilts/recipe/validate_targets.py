"""Checks that targets fit their tasks."""

from collections.abc import Iterator

from xstilts.config.recipe import Target
from xstilts.config.splits import translated
from xstilts.data.benchmark_splits import missing_locally
from xstilts.recipe.issues import Issue, Path, Scope, unknown_languages, unknown_split
from xstilts.recipe.resolve import (
    FITTING_SPLIT,
    OTHER_LANGUAGES,
    fewshot_languages,
    has_dev,
    intermediate_arms,
    languages_with_translated_test,
    sampled_ks,
    scored_languages,
)
from xstilts.tasks.task import Task

_LAYER_SELECTION = ("layer", "pooling", "layer_selection_task", "select_layer_per_arm")


def validate_targets(scope: Scope) -> Iterator[Issue]:
    for name, target in scope.recipe.targets.items():
        path = ("targets", name)
        yield from scope.unknown_arms((*path, "intermediates"), target.intermediates or ())
        task = scope.tasks.get(name)
        if task is None:
            yield from scope.unknown_task(path, name)
            continue
        yield from unknown_languages((*path, "languages"), target.languages or (), task)
        yield from unknown_split((*path, "split"), scored_languages(target, task), target.split, task)
        yield from _splits_without_file(scope, target, task)
        yield from scope.images(path, task)
        yield from _hidden_modality(scope, path, target, task)
        yield from _skipped_training(scope, path, target, task)
        yield from _matched_steps(scope, path, target, task)
        yield from _refit(scope, path, target, task)
        yield from _unlabelled(path, target, task)
        if task.spec.is_trained:
            yield from _trained(scope, path, target, task)
        else:
            yield from _not_trained(scope, path, target, task)


def _trained(scope: Scope, path: Path, target: Target, task: Task) -> Iterator[Issue]:
    yield from unknown_languages((*path, "source_language"), [target.source_language], task)
    for key in _LAYER_SELECTION:
        if getattr(target, key):
            message = f"`{key}` is for retrieval and mining, but {task.name!r} is a {task.problem} task"
            yield Issue("not-applicable", (*path, key), message, "remove it")
    if target.translate_test and not languages_with_translated_test(scope.recipe, target, task):
        split = translated(target.split)
        # If the file of a published split is missing on this machine, the run skips it and reports that.
        if not any(missing_locally(task, language, split) for language in scored_languages(target, task)):
            message = f"task {task.name!r} has no split {split!r} in any scored language"
            yield Issue("unknown-split", (*path, "translate_test"), message, "remove `translate_test`")


def _unlabelled(path: Path, target: Target, task: Task) -> Iterator[Issue]:
    if target.unlabelled is None:
        return
    if not (task.spec.head == "sequence" and task.spec.has_classes):
        message = f"`unlabelled` is for text classification, but {task.name!r} is a {task.problem} task"
        yield Issue("not-applicable", (*path, "unlabelled"), message, "remove it")
    scored = scored_languages(target, task)
    for language in target.unlabelled.texts:
        if language not in scored:
            hint = f"the scored languages are {', '.join(scored)}"
            message = f"{task.name!r} is not scored in {language!r}"
            yield Issue("not-scored", (*path, "unlabelled", "texts", language), message, hint)


def _not_trained(scope: Scope, path: Path, target: Target, task: Task) -> Iterator[Issue]:
    selection = target.layer_selection_task
    if selection is not None and selection not in (OTHER_LANGUAGES, *scope.tasks):
        yield from scope.unknown_task((*path, "layer_selection_task"), selection)
    if target.translate_test:
        message = f"`translate_test` is for tasks with training, but {task.name!r} is a {task.problem} task"
        yield Issue("not-applicable", (*path, "translate_test"), message, "remove it")
    if target.split == FITTING_SPLIT:
        fitted = "threshold" if task.spec.is_mining else "mean vector"
        message = f"the layer and the {fitted} are fitted on {FITTING_SPLIT!r}, so it must not be scored"
        yield Issue("split-in-use", (*path, "split"), message, "name another split")


def _hidden_modality(scope: Scope, path: Path, target: Target, task: Task) -> Iterator[Issue]:
    """Arms with one modality for a task that needs both."""
    if task.spec.has_images and not task.spec.is_contrastive:
        return
    for name in intermediate_arms(scope.recipe, target, task):
        if (arm := scope.recipe.intermediate.get(name)) and arm.modality:
            message = f"the arm {name!r} hides text or images, but {task.name!r} is a {task.problem} task"
            hint = "`modality` is for image-text tasks: leave the arm out of `intermediates`"
            yield Issue("not-applicable", (*path, "intermediates"), message, hint)


def _skipped_training(scope: Scope, path: Path, target: Target, task: Task) -> Iterator[Issue]:
    if not target.skip_training:
        return
    if not task.spec.is_contrastive:
        message = f"`skip_training` is for image retrieval, but {task.name!r} is a {task.problem} task"
        yield Issue("not-applicable", (*path, "skip_training"), message, "remove it")
    elif scope.card and scope.card.kind == "fused":
        message = f"{scope.recipe.encoder} cannot match images and text before its image projection is trained"
        hint = "name a dual encoder, such as CLIP or SigLIP, or remove `skip_training`"
        yield Issue("no-training", (*path, "skip_training"), message, hint)


def _matched_steps(scope: Scope, path: Path, target: Target, task: Task) -> Iterator[Issue]:
    """Arms that add steps to the target's training, for a target without training."""
    if task.spec.is_trained and not target.skip_training:
        return
    for name in target.intermediates or ():
        if (arm := scope.recipe.intermediate.get(name)) and arm.match_steps_of:
            message = f"the arm {name!r} adds steps to the training of {task.name!r}, which is not trained"
            yield Issue("no-training", (*path, "intermediates"), message, "leave the arm out of `intermediates`")


def _refit(scope: Scope, path: Path, target: Target, task: Task) -> Iterator[Issue]:
    """`refit` for a head that is not a linear layer."""
    if not target.train.refit:
        return
    path = (*path, "train", "refit")
    if not task.spec.has_linear_head:
        message = f"`refit` needs a linear head over classes or choices, but {task.name!r} is a {task.problem} task"
        yield Issue("not-applicable", path, message, "remove it")
    elif scope.recipe.head == "native":
        message = "`refit` needs a linear head on pooled states, and the recipe has `head: native`"
        yield Issue("conflicting-keys", path, message, "set `head: pooled`, or remove `refit`")


def _splits_without_file(scope: Scope, target: Target, task: Task) -> Iterator[Issue]:
    """Languages of a user's task without a file for a split that the recipe reads."""
    recipe, block = scope.recipe, scope.recipe.tasks.get(task.name)
    if block is None:
        return
    needed: dict[str, set[str]] = {language: {target.split} for language in scored_languages(target, task)}
    if not task.spec.is_trained:
        splits = {target.split, FITTING_SPLIT} if has_dev(task) else {target.split}
        needed = dict.fromkeys(needed, splits)
    else:
        needed.setdefault(target.source_language, set()).update(("train", "dev"))
        if recipe.fewshot and sampled_ks(recipe.fewshot):
            for language in fewshot_languages(recipe.fewshot, target, task):
                needed[language].add("train")
    for language, files in block.files.items():
        if isinstance(files, dict) and (missing := sorted(needed.get(language, set()) - files.keys())):
            message = f"task {task.name!r} needs a file for {' and '.join(missing)} in {language!r}"
            yield Issue("missing-split-file", ("tasks", task.name, "files", language), message, "add it under `files`")
