"""What in a recipe makes no sense with its tasks."""

from collections.abc import Iterator, Mapping

from xstilts.config.recipe import Recipe, Target
from xstilts.config.splits import translated
from xstilts.data.benchmark_files import missing_locally
from xstilts.encoders import find_card
from xstilts.recipe.issues import Flaw, lacking, no_split, no_task, sighted, unknown
from xstilts.recipe.resolve import (
    HELD_SPLIT,
    OTHER_LANGUAGES,
    intermediate_arms,
    languages_with_translated_test,
    scored_languages,
)
from xstilts.recipe.validate_fewshot import few_shot, primary
from xstilts.recipe.validate_intermediate import intermediates
from xstilts.tasks.task import Task


def flaws(recipe: Recipe, tasks: Mapping[str, Task]) -> tuple[Flaw, ...]:
    """Everything in `recipe` that its tasks (those that were found, by name) do not bear. Nothing is read."""
    return (
        *_empty(recipe),
        *intermediates(recipe, tasks),
        *_targets(recipe, tasks),
        *few_shot(recipe, tasks),
        *primary(recipe, tasks),
    )


def _empty(recipe: Recipe) -> Iterator[Flaw]:
    for name in ("seeds", "targets", "intermediate"):
        if not getattr(recipe, name):
            yield Flaw((name,), "is empty: name at least one")
    for name in ("shots", "methods"):
        if recipe.fewshot and not getattr(recipe.fewshot, name):
            yield Flaw(("fewshot", name), "is empty: name at least one, or leave `fewshot` out")


def _targets(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    for name, target in recipe.targets.items():
        at = ("targets", name)
        yield from unknown((*at, "intermediates"), target.intermediates or (), recipe.intermediate, "intermediate arm")
        task = tasks.get(name)
        if task is None:
            yield no_task(at, name, recipe)
            continue
        yield from lacking((*at, "languages"), target.languages or (), task)
        yield from no_split((*at, "split"), scored_languages(target, task), target.split, task)
        yield from sighted(at, recipe, task)
        yield from _hidden(at, recipe, target, task)
        yield from _as_it_is(at, recipe, target, task)
        yield from _trained(at, recipe, target, task) if task.spec.trained else _untrained(at, recipe, target, tasks)


def _trained(at: tuple[str, ...], recipe: Recipe, target: Target, task: Task) -> Iterator[Flaw]:
    yield from lacking((*at, "source_language"), [target.source_language], task)
    for name in ("layer", "pooling", "layer_selection_task", "select_layer_per_arm"):
        if getattr(target, name):
            yield Flaw((*at, name), f"is for retrieval and mining; {task.name!r} is a {task.problem} task")
    if (
        target.translate_test
        and not languages_with_translated_test(recipe, target, task)
        and not _translations_published(target, task)
    ):
        message = f"{task.name!r} has no split {translated(target.split)!r} in any of the languages"
        yield Flaw((*at, "translate_test"), message)


def _translations_published(target: Target, task: Task) -> bool:
    """Whether the publishers have them, though they are not at hand: a run does without, and says so."""
    split = translated(target.split)
    return any(missing_locally(task, language, split) for language in scored_languages(target, task))


def _hidden(at: tuple[str, ...], recipe: Recipe, target: Target, task: Task) -> Iterator[Flaw]:
    """Controls without images or texts where there are none, or where one is looked for by the other."""
    if task.problem == "image-text":
        return
    for name in intermediate_arms(recipe, target, task):
        if (arm := recipe.intermediate.get(name)) and arm.modality:
            yield Flaw(
                (*at, "intermediates"), f"{name!r} hides texts or images, which makes no sense for {task.name!r}"
            )


def _as_it_is(at: tuple[str, ...], recipe: Recipe, target: Target, task: Task) -> Iterator[Flaw]:
    """Targets that are to be scored without training."""
    if not target.skip_training:
        return
    where = (*at, "skip_training")
    if task.problem != "image-retrieval":
        yield Flaw(where, f"is for image retrieval; the problem of {task.name!r} is {task.problem}")
    elif find_card(recipe.encoder).kind == "fused":
        message = f"the images of {recipe.encoder} find no text before its projection of images is trained"
        yield Flaw(where, f"{message}; name a dual encoder, such as a CLIP or SigLIP, or remove this")
    for name in target.intermediates or ():
        if (arm := recipe.intermediate.get(name)) and arm.match_steps_of:
            yield Flaw((*at, "intermediates"), f"{name!r} adds steps to the target's training, and there is none")


def _untrained(at: tuple[str, ...], recipe: Recipe, target: Target, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    task = tasks[at[-1]]
    if target.layer_selection_task not in (None, OTHER_LANGUAGES, *tasks):
        yield no_task((*at, "layer_selection_task"), target.layer_selection_task or "", recipe)
    if target.translate_test:
        yield Flaw((*at, "translate_test"), f"is for tasks that are trained; {task.name!r} is a {task.problem} task")
    if target.split == HELD_SPLIT:
        fitted = "threshold" if task.problem == "mining" else "centre"
        yield Flaw((*at, "split"), f"{HELD_SPLIT!r} gives the layer and the {fitted}, so it cannot be scored as well")
    for name in target.intermediates or ():
        if (arm := recipe.intermediate.get(name)) and arm.match_steps_of:
            message = f"{name!r} adds steps to the target's training, and {task.problem} has none"
            yield Flaw((*at, "intermediates"), message)
