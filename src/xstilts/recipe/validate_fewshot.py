"""Checks that few-shot settings fit the targets."""

from collections.abc import Iterator, Mapping

from xstilts.config.recipe import Fewshot
from xstilts.recipe.issues import Issue, Scope
from xstilts.recipe.resolve import (
    applicable_methods,
    fewshot_languages,
    fixed_shot_sets,
    languages_with_pool,
)

LanguagesByTarget = Mapping[str, tuple[str, ...]]


def validate_fewshot(scope: Scope) -> Iterator[Issue]:
    recipe, tasks, fewshot = scope.recipe, scope.tasks, scope.recipe.fewshot
    if fewshot is None:
        return
    if fewshot.train.refit:
        message = "`refit` is for the training of targets; few-shot training ends with the trained head"
        yield Issue("not-applicable", ("fewshot", "train", "refit"), message, "remove it, or use the method `lda`")
    yield from scope.unknown_targets(("fewshot", "tasks"), fewshot.tasks or ())
    yield from scope.unknown_arms(("fewshot", "intermediates"), fewshot.intermediates or ())
    for name in fewshot.tasks or ():
        if name in recipe.targets and name in tasks and not tasks[name].spec.is_trained:
            message = f"{name!r} is a {tasks[name].problem} task, which has no few-shot adaptation"
            yield Issue("not-trainable", ("fewshot", "tasks"), message, "remove it from `fewshot.tasks`")
    adapted = {
        name: fewshot_languages(fewshot, recipe.targets[name], tasks[name])
        for name in fewshot.tasks or recipe.targets
        if name in tasks and name in recipe.targets
    }
    yield from _languages(scope, fewshot, adapted)
    yield from _selection(fewshot)
    yield from _methods(scope, fewshot, adapted)
    yield from _multilingual(scope, fewshot, adapted)
    yield from _fixed_shots(scope, fewshot, adapted)


def _languages(scope: Scope, fewshot: Fewshot, adapted: LanguagesByTarget) -> Iterator[Issue]:
    every_target = len(adapted) == len(fewshot.tasks or scope.recipe.targets) and not scope.is_removed("targets")
    scored = {language for languages in adapted.values() for language in languages}
    for language in fewshot.languages or ():
        if adapted and every_target and language not in scored:
            message = f"no target with few-shot adaptation is scored in {language!r}"
            yield Issue(
                "not-scored", ("fewshot", "languages"), message, "add it to a target's `languages`, or remove it"
            )
    for k in fewshot.sampled or ():
        if k not in fewshot.shots and not scope.is_removed("fewshot", "shots"):
            yield Issue("unknown-shots", ("fewshot", "sampled"), f"{k} is not among `fewshot.shots`", "add it there")


def _selection(fewshot: Fewshot) -> Iterator[Issue]:
    path = ("fewshot", "also_select")
    if fewshot.also_select == fewshot.selection:
        message = f"`also_select` repeats `selection: {fewshot.selection}`"
        yield Issue("redundant-value", path, message, "remove it")
    if fewshot.also_select and fewshot.methods and not fewshot.methods[0].takes_steps:
        message = f"`also_select` selects a training step, and the first method, `{fewshot.methods[0]}`, has none"
        yield Issue("not-applicable", path, message, "list another method first")


def _methods(scope: Scope, fewshot: Fewshot, adapted: LanguagesByTarget) -> Iterator[Issue]:
    trained = [scope.tasks[name] for name in adapted if scope.tasks[name].spec.is_trained]
    if not trained or not fewshot.methods or scope.is_removed("fewshot", "methods"):
        return
    if not any(applicable_methods(fewshot, task) for task in trained):
        names = ", ".join(f"`{method}`" for method in fewshot.methods)
        message = f"no target with few-shot adaptation supports {names}: {fewshot.methods[0].scope} only"
        yield Issue("not-applicable", ("fewshot", "methods"), message, "add another method")


def _multilingual(scope: Scope, fewshot: Fewshot, adapted: LanguagesByTarget) -> Iterator[Issue]:
    if not fewshot.multilingual:
        return
    path = ("fewshot", "multilingual")
    pools = [len(languages_with_pool(fewshot, scope.recipe.targets[name], scope.tasks[name])) for name in adapted]
    if pools and max(pools) < 2:
        message = "`multilingual` needs two languages, and no target is adapted to more than one"
        yield Issue("too-few-languages", path, message, "add languages, or remove it")
    if fewshot.selection == "target_dev":
        message = "`selection: target_dev` needs a single language, and a multilingual model has several"
        yield Issue("conflicting-keys", path, message, "remove `multilingual`, or select otherwise")


def _fixed_shots(scope: Scope, fewshot: Fewshot, adapted: LanguagesByTarget) -> Iterator[Issue]:
    """Published few-shot sets that no target has, or that are named although `fixed_shots` is false."""
    names = [k for k in fewshot.shots if isinstance(k, str)]
    if not fewshot.fixed_shots:
        for k in names:
            message = f"{k!r} names a published few-shot set, and `fixed_shots` is false"
            yield Issue("fixed-shots-disabled", ("fewshot", "shots"), message, "set `fixed_shots: true`")
        return
    sets = {
        k: None
        for name, languages in adapted.items()
        for language in languages
        for k in fixed_shot_sets(scope.tasks[name], language)
    }
    if not adapted or scope.is_removed("fewshot", "shots"):
        return
    hint = f"published sets: {', '.join(sets) or 'none'}"
    if not sets.keys() & set(map(str, fewshot.shots)):
        message = f"no target has a published few-shot set of {', '.join(map(str, fewshot.shots))}"
        yield Issue("unknown-fixed-shots", ("fewshot", "fixed_shots"), message, hint)
        return
    for k in names:
        if k not in sets:
            message = f"no target has a published few-shot set {k!r}"
            yield Issue("unknown-fixed-shots", ("fewshot", "shots"), message, hint)
