"""What makes no sense in the adaptation to shots, and in the contrast that a recipe names."""

from collections.abc import Iterator, Mapping

from xstilts.config.recipe import FIXED_SHOTS, Arm, Fewshot, Recipe, Target
from xstilts.recipe.issues import Flaw, unknown
from xstilts.recipe.resolve import (
    applicable_methods,
    fewshot_languages,
    fixed_shot_sets,
    intermediate_arms,
    languages_with_pool,
    sampled_ks,
    scored_languages,
)
from xstilts.tasks.task import Task

Shown = Mapping[str, tuple[str, ...]]
"""The languages that each target is adapted to."""


def few_shot(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    fewshot = recipe.fewshot
    if fewshot is None:
        return
    yield from unknown(("fewshot", "tasks"), fewshot.tasks or (), recipe.targets, "target")
    yield from unknown(
        ("fewshot", "intermediates"), fewshot.intermediates or (), recipe.intermediate, "intermediate arm"
    )
    for name in fewshot.tasks or ():
        if name in recipe.targets and name in tasks and not tasks[name].spec.trained:
            yield Flaw(("fewshot", "tasks"), f"{name!r} is a {tasks[name].problem} task: no shots can be drawn from it")
    named = [name for name in fewshot.tasks or recipe.targets if name in tasks and name in recipe.targets]
    shown = {name: fewshot_languages(fewshot, recipe.targets[name], tasks[name]) for name in named}
    got = {language for languages in shown.values() for language in languages}
    for language in fewshot.languages or ():
        if named and language not in got:
            yield Flaw(("fewshot", "languages"), f"no target that gets shots is scored in {language!r}")
    for k in fewshot.sampled or ():
        if k not in fewshot.shots:
            yield Flaw(("fewshot", "sampled"), f"{k} is not among `fewshot.shots`")
    if fewshot.also_select == fewshot.selection:
        yield Flaw(("fewshot", "also_select"), f"is what `selection` says already: {fewshot.also_select}")
    if fewshot.also_select and fewshot.methods[:1] == ("lda",):
        yield Flaw(("fewshot", "also_select"), "selects a step, and `lda` takes none: name another method first")
    trained = [tasks[name] for name in named if tasks[name].spec.trained]
    if trained and fewshot.methods and not any(applicable_methods(fewshot, task) for task in trained):
        yield Flaw(
            ("fewshot", "methods"), "`lda` is for classes and tags of texts, which no target that gets shots has"
        )
    pools = [len(languages_with_pool(fewshot, recipe.targets[name], tasks[name])) for name in named]
    if fewshot.multilingual and pools and max(pools) < 2:
        yield Flaw(("fewshot", "multilingual"), "there is nothing to mix: no target is adapted to two languages")
    if fewshot.multilingual and fewshot.selection == "target_dev":
        yield Flaw(
            ("fewshot", "multilingual"), "a model of several languages has no one language for `selection: target_dev`"
        )
    yield from _sets(fewshot, shown, tasks)


def _sets(fewshot: Fewshot, shown: Shown, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    """Published sets that are asked for where there are none, or named and not asked for."""
    names = [k for k in fewshot.shots if isinstance(k, str)]
    if not fewshot.fixed_shots:
        for k in names:
            yield Flaw(("fewshot", "shots"), f"{k!r} is the name of a published set: say `fixed_shots: true` as well")
        return
    there = {
        k: None
        for task, languages in shown.items()
        for language in languages
        for k in fixed_shot_sets(tasks[task], language)
    }
    if shown and not there.keys() & set(map(str, fewshot.shots)):
        of_these = f"none of {', '.join(map(str, fewshot.shots))}"
        yield Flaw(("fewshot", "fixed_shots"), f"the targets have {of_these}; published sets: {_listed(there)}")
        return
    for k in names:
        if shown and k not in there:
            yield Flaw(("fewshot", "shots"), f"no target has a published set {k!r}; there are: {_listed(there)}")


def _listed(names: Mapping[str, None]) -> str:
    return ", ".join(names) or "none"


def primary(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    contrast = recipe.primary
    if contrast is None:
        return
    yield from unknown(("primary", "task"), [contrast.task], recipe.targets, "target")
    target, task = recipe.targets.get(contrast.task), tasks.get(contrast.task)
    if target is None or task is None:
        return
    there = scored_languages(target, task)
    for role, arm in (("treatment", contrast.treatment), ("baseline", contrast.baseline)):
        yield from _arm(("primary", role), arm, recipe, target, task)
        there = [language for language in there if language in _reached(arm, recipe, target, task)]
    for language in contrast.languages or ():
        if language not in there:
            yield Flaw(("primary", "languages"), f"{language!r} is not among the languages of these arms")
        if language in recipe.development_languages:
            yield Flaw(("primary", "languages"), f"{language!r} is a development language: no headline may contain it")


def _reached(arm: Arm, recipe: Recipe, target: Target, task: Task) -> tuple[str, ...]:
    """The languages that an arm is scored in."""
    if not arm.shots or recipe.fewshot is None:
        return scored_languages(target, task)
    languages = fewshot_languages(recipe.fewshot, target, task)
    if arm.method != FIXED_SHOTS:
        return languages_with_pool(recipe.fewshot, target, task)
    return tuple(language for language in languages if str(arm.shots) in fixed_shot_sets(task, language))


def _arm(at: tuple[str, ...], arm: Arm, recipe: Recipe, target: Target, task: Task) -> Iterator[Flaw]:
    known = intermediate_arms(recipe, target, task)
    yield from unknown((*at, "intermediate"), [arm.intermediate], known, f"intermediate arm of {task.name!r}")
    if not arm.shots:
        return
    fewshot = recipe.fewshot
    if fewshot is None or not task.spec.trained or task.name not in (fewshot.tasks or recipe.targets):
        yield Flaw((*at, "shots"), f"{task.name!r} gets no shots in this recipe")
        return
    if arm.shots not in fewshot.shots:
        yield Flaw((*at, "shots"), f"{arm.shots} is not among `fewshot.shots`: {', '.join(map(str, fewshot.shots))}")
    elif arm.method == FIXED_SHOTS and not _reached(arm, recipe, target, task):
        yield Flaw((*at, "shots"), f"{task.name!r} has no published set {arm.shots}")
    elif arm.method != FIXED_SHOTS and isinstance(arm.shots, str):
        yield Flaw((*at, "method"), f"{arm.shots} is a published set: write `method: {FIXED_SHOTS}`")
    elif arm.method != FIXED_SHOTS and arm.shots not in sampled_ks(fewshot):
        yield Flaw(
            (*at, "shots"), f"{arm.shots} is not among `fewshot.sampled`; write `method: {FIXED_SHOTS}`, or add it"
        )
    borne = applicable_methods(fewshot, task)
    methods = (*borne, FIXED_SHOTS) if fewshot.fixed_shots else borne
    yield from unknown((*at, "method"), [arm.method], methods, "method of `fewshot`")
    if arm.intermediate in known and arm.intermediate not in (fewshot.intermediates or known):
        yield Flaw((*at, "intermediate"), f"{arm.intermediate!r} is not among `fewshot.intermediates`")
