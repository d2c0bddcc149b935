"""What makes no sense in the intermediate arms of a recipe."""

from collections.abc import Iterator, Mapping

from xstilts.config.recipe import Intermediate, Recipe
from xstilts.config.training import Align
from xstilts.data.translation.codes import codes
from xstilts.recipe.issues import Flaw, lacking, no_split, no_task, sighted, unknown
from xstilts.recipe.resolve import non_english
from xstilts.tasks.task import Task, related


def intermediates(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    for name, arm in recipe.intermediate.items():
        at = ("intermediate", name)
        for used in arm.tasks:
            task = tasks.get(used)
            if task is None:
                yield no_task((*at, "tasks"), used, recipe)
            elif not task.spec.trained:
                yield Flaw((*at, "tasks"), f"{used!r} is a {task.problem} task: nothing can be trained on it")
            else:
                yield from sighted((*at, "tasks"), recipe, task)
                yield from lacking((*at, "language"), [arm.language], task)
                yield from _translated((*at, "translate"), arm, task)
        yield from _ablations(at, arm, recipe, tasks)
        if arm.match_steps_of is None:
            continue
        yield from unknown((*at, "match_steps_of"), [arm.match_steps_of], recipe.intermediate, "intermediate arm")
        if (other := recipe.intermediate.get(arm.match_steps_of)) and not other.trains:
            yield Flaw((*at, "match_steps_of"), f"{arm.match_steps_of!r} trains nothing, so it takes no steps")


def _translated(at: tuple[str, ...], arm: Intermediate, task: Task) -> Iterator[Flaw]:
    translate = arm.translate
    if translate is None:
        return
    if translate.files is not None:
        if task.name not in translate.files:
            yield Flaw((*at, "files"), f"names no file for {task.name!r}")
        return
    if task.problem == "tagging":
        message = f"{task.name!r} is a tagging task: tags do not survive a model's translation; give `files` instead"
        yield Flaw((*at, "model"), message)
    for language in dict.fromkeys((arm.language, *translate.to)):
        if language not in translate.codes and not codes(language):
            yield Flaw((*at, "to"), f"{language!r} is no language that is known here; give its name in `codes`")


def _ablations(at: tuple[str, ...], arm: Intermediate, recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    if arm.shuffle_labels and arm.trains and not arm.tasks:
        yield Flaw((*at, "shuffle_labels"), "there are no labels to shuffle: the arm has no tasks")
    if arm.align is None:
        return
    task = tasks.get(arm.align.task)
    if task is None:
        yield no_task((*at, "align", "task"), arm.align.task, recipe)
    elif task.problem != "retrieval":
        yield Flaw((*at, "align", "task"), f"{task.name!r} is no retrieval task: it holds no translations")
    else:
        yield from _aligned((*at, "align"), arm.align, task, recipe, tasks)


def _aligned(
    at: tuple[str, ...], align: Align, task: Task, recipe: Recipe, tasks: Mapping[str, Task]
) -> Iterator[Flaw]:
    languages = non_english(task) if align.languages is None else align.languages
    if not languages:
        yield Flaw((*at, "languages"), "is empty: name at least one")
    yield from lacking((*at, "languages"), languages, task)
    yield from no_split((*at, "split"), languages, align.split, task)
    for name, target in recipe.targets.items():
        other = tasks.get(name)
        if other and target.split == align.split and related(task, other):
            yield Flaw((*at, "split"), f"{align.split!r} of {name!r} is scored, so nothing may be trained on it")
