"""What makes no sense in the adaptation to shots, and in the contrast that a recipe names."""

from collections.abc import Iterator, Mapping

from xstilts.config import Arm, Recipe, Target
from xstilts.engine.flaw import Flaw, unknown
from xstilts.engine.meaning import adapted, arms, scored
from xstilts.tasks.task import Task


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
    got = {language for name in named for language in adapted(fewshot, recipe.targets[name], tasks[name])}
    for language in fewshot.languages or ():
        if named and language not in got:
            yield Flaw(("fewshot", "languages"), f"no target that gets shots is scored in {language!r}")


def primary(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    contrast = recipe.primary
    if contrast is None:
        return
    yield from unknown(("primary", "task"), [contrast.task], recipe.targets, "target")
    target, task = recipe.targets.get(contrast.task), tasks.get(contrast.task)
    if target is None or task is None:
        return
    for role, arm in (("treatment", contrast.treatment), ("baseline", contrast.baseline)):
        yield from _arm(("primary", role), arm, recipe, target, task)
    shots = [arm.shots for arm in (contrast.treatment, contrast.baseline) if arm.shots]
    fewshot = recipe.fewshot
    there = adapted(fewshot, target, task) if shots and fewshot else scored(target, task)
    for language in contrast.languages or ():
        if language not in there:
            yield Flaw(("primary", "languages"), f"{language!r} is not among the languages of these arms")
        if language in recipe.development_languages:
            yield Flaw(("primary", "languages"), f"{language!r} is a development language: no headline may contain it")


def _arm(at: tuple[str, ...], arm: Arm, recipe: Recipe, target: Target, task: Task) -> Iterator[Flaw]:
    known = arms(recipe, target, task)
    yield from unknown((*at, "intermediate"), [arm.intermediate], known, f"intermediate arm of {task.name!r}")
    if not arm.shots:
        return
    fewshot = recipe.fewshot
    if fewshot is None or not task.spec.trained or task.name not in (fewshot.tasks or recipe.targets):
        yield Flaw((*at, "shots"), f"{task.name!r} gets no shots in this recipe")
        return
    if arm.shots not in fewshot.shots:
        yield Flaw((*at, "shots"), f"{arm.shots} is not among `fewshot.shots`: {', '.join(map(str, fewshot.shots))}")
    yield from unknown((*at, "method"), [arm.method], fewshot.methods, "method of `fewshot`")
    if arm.intermediate in known and arm.intermediate not in (fewshot.intermediates or known):
        yield Flaw((*at, "intermediate"), f"{arm.intermediate!r} is not among `fewshot.intermediates`")
