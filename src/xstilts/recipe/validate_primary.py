"""Checks that the arms of the primary contrast exist and are scored in common languages."""

from collections.abc import Iterator

from xstilts.config.recipe import FIXED_SHOTS, FROZEN, MAJORITY, Arm, Fewshot, Target
from xstilts.errors import did_you_mean
from xstilts.methods import closed_form_head
from xstilts.recipe.issues import Issue, Path, Scope
from xstilts.recipe.resolve import (
    applicable_methods,
    baseline_arm,
    fewshot_languages,
    fixed_shot_sets,
    intermediate_arms,
    languages_with_pool,
    sampled_ks,
    scored_languages,
)
from xstilts.tasks.task import Task


def validate_primary(scope: Scope) -> Iterator[Issue]:
    primary = scope.recipe.primary
    if primary is None or any(path[0] != "tasks" for path in scope.removed):
        return
    if primary.treatment == primary.baseline:
        yield Issue("same-arms", ("primary",), "treatment and baseline are the same arm", "name two different arms")
    yield from scope.unknown_targets(("primary", "task"), [primary.task])
    target, task = scope.recipe.targets.get(primary.task), scope.tasks.get(primary.task)
    if target is None or task is None:
        return
    shared = scored_languages(target, task)
    for role, arm in (("treatment", primary.treatment), ("baseline", primary.baseline)):
        yield from _arm(scope, ("primary", role), arm, target, task)
        languages = _languages(scope.recipe.fewshot, arm, target, task)
        shared = [language for language in shared if language in languages]
    path = ("primary", "languages")
    for language in primary.languages or ():
        if language not in shared:
            message = f"{language!r} is not a language in which both arms are scored"
            yield Issue("not-scored", path, message, f"those are {', '.join(shared) or 'none'}")
        if language in scope.recipe.development_languages:
            message = f"{language!r} is a development language, which the primary contrast must not contain"
            yield Issue("development-language", path, message, "remove it")


def _languages(fewshot: Fewshot | None, arm: Arm, target: Target, task: Task) -> tuple[str, ...]:
    """The languages that an arm is scored in."""
    if not arm.shots or fewshot is None:
        return scored_languages(target, task)
    if arm.method != FIXED_SHOTS:
        return languages_with_pool(fewshot, target, task)
    languages = fewshot_languages(fewshot, target, task)
    return tuple(language for language in languages if str(arm.shots) in fixed_shot_sets(task, language))


def _arm(scope: Scope, path: Path, arm: Arm, target: Target, task: Task) -> Iterator[Issue]:
    arms = intermediate_arms(scope.recipe, target, task)
    yield from scope.unknown_arms((*path, "intermediate"), [arm.intermediate], arms)
    yield from _standing_arm(scope, path, arm, target, task)
    if not arm.shots:
        return
    fewshot = scope.recipe.fewshot
    if fewshot is None or not task.spec.is_trained or task.name not in (fewshot.tasks or scope.recipe.targets):
        message = f"{task.name!r} has no few-shot adaptation in this recipe"
        yield Issue("unknown-shots", (*path, "shots"), message, "set `shots: 0`, or add the task to `fewshot`")
        return
    yield from _shots(path, arm, fewshot, target, task)
    methods = [method.name for method in applicable_methods(fewshot, task)]
    if arm.method not in (*methods, *([FIXED_SHOTS] if fewshot.fixed_shots else [])):
        message = f"{arm.method!r} is not among `fewshot.methods`"
        yield Issue("unknown-method", (*path, "method"), message, did_you_mean(arm.method, methods))
    if arm.intermediate in arms and arm.intermediate not in (fewshot.intermediates or arms):
        message = f"the arm {arm.intermediate!r} is not among `fewshot.intermediates`"
        yield Issue("unknown-arm", (*path, "intermediate"), message, "add it there")


def _standing_arm(scope: Scope, path: Path, arm: Arm, target: Target, task: Task) -> Iterator[Issue]:
    """Issues of an arm that the recipe does not name: the frozen encoder, and the trivial baseline of one arm."""
    if arm.method == MAJORITY:
        if not scope.recipe.majority or task.spec.trivial_baseline is None:
            message = f"{task.name!r} has no trivial baseline in this recipe"
            yield Issue("unknown-method", (*path, "method"), message, "set `majority: true`, or name another method")
        elif arm.intermediate != (baseline := baseline_arm(scope.recipe, target, task)):
            message = "the trivial baseline depends on no intermediate training"
            yield Issue("unknown-arm", (*path, "intermediate"), message, f"write `intermediate: {baseline}`")
    if arm.method == FROZEN and not (scope.recipe.frozen and closed_form_head(task.spec).applies_to(task.spec)):
        message = f"{task.name!r} has no frozen encoder in this recipe"
        yield Issue("unknown-method", (*path, "method"), message, "set `frozen: true`, or name another method")


def _shots(path: Path, arm: Arm, fewshot: Fewshot, target: Target, task: Task) -> Iterator[Issue]:
    if arm.shots not in fewshot.shots:
        hint = f"those are {', '.join(map(str, fewshot.shots))}"
        yield Issue("unknown-shots", (*path, "shots"), f"{arm.shots} is not among `fewshot.shots`", hint)
    elif arm.method == FIXED_SHOTS:
        if not _languages(fewshot, arm, target, task):
            message = f"{task.name!r} has no published few-shot set {arm.shots}"
            yield Issue("unknown-fixed-shots", (*path, "shots"), message, "name one that `fewshot.shots` lists")
    elif isinstance(arm.shots, str):
        message = f"{arm.shots} is a published few-shot set"
        yield Issue("unknown-method", (*path, "method"), message, f"write `method: {FIXED_SHOTS}`")
    elif arm.shots not in sampled_ks(fewshot):
        message = f"{arm.shots} is not among `fewshot.sampled`"
        yield Issue("unknown-shots", (*path, "shots"), message, f"add it there, or write `method: {FIXED_SHOTS}`")
