"""What a recipe means for its tasks (arms, languages), and what in it makes no sense with them."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from xstilts.config import Arm, Fewshot, Intermediate, Recipe, Target
from xstilts.data.codes import codes
from xstilts.engine.check_images import as_it_is, hidden, sighted
from xstilts.engine.flaw import Flaw
from xstilts.settings import Align
from xstilts.tasks import task_names
from xstilts.tasks.task import Task, related

ENGLISH = "en"
HELD_SPLIT = "dev"
"""Split that gives retrieval its layer and its mean vector, and mining its layer and its threshold; never evaluated
there."""
OTHER_LANGUAGES = "other-languages"
BITEXT = "ui-bitext"
"""What layers are chosen on where a retrieval task has no development data."""


def arms(recipe: Recipe, target: Target, task: Task) -> tuple[str, ...]:
    """The intermediate arms that a target stands after. Where it is not trained, more steps of it are no control."""
    if target.intermediates is not None:
        return tuple(dict.fromkeys(target.intermediates))
    trained = task.spec.trained and not target.untrained
    return tuple(name for name, arm in recipe.intermediate.items() if trained or not arm.steps_of)


def has_dev(task: Task) -> bool:
    """Whether a retrieval task has text that is not evaluated, in every language."""
    splits = task.splits or task.sizes
    return not splits or all(HELD_SPLIT in there for there in splits.values())


def chosen_on(target: Target, task: Task) -> str:
    """The task on whose development data the layer of a retrieval target is chosen."""
    return target.choose_on or (task.name if has_dev(task) else BITEXT)


def scored(target: Target, task: Task) -> tuple[str, ...]:
    """The languages that are scored; the source language first, where the target is trained in it."""
    if not task.spec.trained:
        return target.languages or foreign(task)
    return tuple(dict.fromkeys((target.source_language, *(target.languages or task.languages))))


def adapted(fewshot: Fewshot, target: Target, task: Task) -> tuple[str, ...]:
    """The scored languages that get shots; the source language only where `fewshot.languages` names it."""
    chosen = fewshot.languages
    return tuple(
        language
        for language in scored(target, task)
        if (language in chosen if chosen is not None else language != target.source_language)
    )


def foreign(task: Task) -> tuple[str, ...]:
    """The languages of a retrieval task, whose translations are all into English."""
    return tuple(language for language in task.languages if language != ENGLISH)


def flaws(recipe: Recipe, tasks: Mapping[str, Task]) -> tuple[Flaw, ...]:
    """Everything in `recipe` that its tasks (those that were found, by name) do not bear. Nothing is read."""
    return (
        *_empty(recipe),
        *_intermediates(recipe, tasks),
        *_targets(recipe, tasks),
        *_fewshot(recipe, tasks),
        *_primary(recipe, tasks),
    )


def _empty(recipe: Recipe) -> Iterator[Flaw]:
    for name in ("seeds", "targets", "intermediate"):
        if not getattr(recipe, name):
            yield Flaw((name,), "is empty: name at least one")
    for name in ("shots", "methods"):
        if recipe.fewshot and not getattr(recipe.fewshot, name):
            yield Flaw(("fewshot", name), "is empty: name at least one, or leave `fewshot` out")


def _intermediates(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    for name, arm in recipe.intermediate.items():
        at = ("intermediate", name)
        for used in arm.tasks:
            task = tasks.get(used)
            if task is None:
                yield _no_task((*at, "tasks"), used, recipe)
            elif not task.spec.trained:
                yield Flaw((*at, "tasks"), f"{used!r} is a {task.problem} task: nothing can be trained on it")
            else:
                yield from sighted((*at, "tasks"), recipe, task)
                yield from _lacking((*at, "language"), [arm.language], task)
                yield from _translated((*at, "translate"), arm, task)
        yield from _ablations(at, arm, recipe, tasks)
        if arm.steps_of is None:
            continue
        yield from _unknown((*at, "steps_of"), [arm.steps_of], recipe.intermediate, "intermediate arm")
        if (other := recipe.intermediate.get(arm.steps_of)) and not other.trains:
            yield Flaw((*at, "steps_of"), f"{arm.steps_of!r} trains nothing, so it takes no steps")


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
        yield _no_task((*at, "align", "task"), arm.align.task, recipe)
    elif task.problem != "retrieval":
        yield Flaw((*at, "align", "task"), f"{task.name!r} is no retrieval task: it holds no translations")
    else:
        yield from _aligned((*at, "align"), arm.align, task, recipe, tasks)


def _aligned(
    at: tuple[str, ...], align: Align, task: Task, recipe: Recipe, tasks: Mapping[str, Task]
) -> Iterator[Flaw]:
    languages = foreign(task) if align.languages is None else align.languages
    if not languages:
        yield Flaw((*at, "languages"), "is empty: name at least one")
    yield from _lacking((*at, "languages"), languages, task)
    yield from _no_split((*at, "split"), languages, align.split, task)
    for name, target in recipe.targets.items():
        other = tasks.get(name)
        if other and target.split == align.split and related(task, other):
            yield Flaw((*at, "split"), f"{align.split!r} of {name!r} is scored, so nothing may be trained on it")


def _targets(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    for name, target in recipe.targets.items():
        at = ("targets", name)
        intermediates = target.intermediates or ()
        yield from _unknown((*at, "intermediates"), intermediates, recipe.intermediate, "intermediate arm")
        task = tasks.get(name)
        if task is None:
            yield _no_task(at, name, recipe)
            continue
        yield from _lacking((*at, "languages"), target.languages or (), task)
        yield from _no_split((*at, "split"), scored(target, task), target.split, task)
        yield from sighted(at, recipe, task)
        yield from hidden(at, recipe, arms(recipe, target, task), task)
        yield from as_it_is(at, recipe, target, task)
        yield from _trained(at, target, task) if task.spec.trained else _untrained(at, recipe, target, tasks)


def _trained(at: tuple[str, ...], target: Target, task: Task) -> Iterator[Flaw]:
    yield from _lacking((*at, "source_language"), [target.source_language], task)
    for name in ("layer", "pooling", "choose_on", "choose_per_arm"):
        if getattr(target, name):
            yield Flaw((*at, name), f"is for retrieval and mining; {task.name!r} is a {task.problem} task")


def _untrained(at: tuple[str, ...], recipe: Recipe, target: Target, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    task = tasks[at[-1]]
    if target.choose_on not in (None, OTHER_LANGUAGES, *tasks):
        yield _no_task((*at, "choose_on"), target.choose_on or "", recipe)
    if target.split == HELD_SPLIT:
        fitted = "threshold" if task.problem == "mining" else "centre"
        yield Flaw((*at, "split"), f"{HELD_SPLIT!r} gives the layer and the {fitted}, so it cannot be scored as well")
    for name in target.intermediates or ():
        if (arm := recipe.intermediate.get(name)) and arm.steps_of:
            message = f"{name!r} adds steps to the target's training, and {task.problem} has none"
            yield Flaw((*at, "intermediates"), message)


def _no_split(at: tuple[str, ...], languages: Iterable[str], split: str, task: Task) -> Iterator[Flaw]:
    for language in languages:
        splits = task.splits.get(language) or task.sizes.get(language)
        if splits and split not in splits:
            message = f"{task.name!r} has no split {split!r} in {language!r}, only {', '.join(splits)}"
            yield Flaw(at, f"{message}; {_FILES_ALONE}" if task.benchmark and task.splits.get(language) else message)
            return


_FILES_ALONE = (
    "of a language with files below the data root these alone count: add the file, make splits with `partition`, "
    "or leave the data root out"
)


def _fewshot(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    fewshot = recipe.fewshot
    if fewshot is None:
        return
    yield from _unknown(("fewshot", "tasks"), fewshot.tasks or (), recipe.targets, "target")
    yield from _unknown(
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


def _primary(recipe: Recipe, tasks: Mapping[str, Task]) -> Iterator[Flaw]:
    primary = recipe.primary
    if primary is None:
        return
    yield from _unknown(("primary", "task"), [primary.task], recipe.targets, "target")
    target, task = recipe.targets.get(primary.task), tasks.get(primary.task)
    if target is None or task is None:
        return
    for role, arm in (("treatment", primary.treatment), ("baseline", primary.baseline)):
        yield from _arm(("primary", role), arm, recipe, target, task)
    shots = [arm.shots for arm in (primary.treatment, primary.baseline) if arm.shots]
    fewshot = recipe.fewshot
    there = adapted(fewshot, target, task) if shots and fewshot else scored(target, task)
    for language in primary.languages or ():
        if language not in there:
            yield Flaw(("primary", "languages"), f"{language!r} is not among the languages of these arms")
        if language in recipe.development_languages:
            yield Flaw(("primary", "languages"), f"{language!r} is a development language: no headline may contain it")


def _arm(at: tuple[str, ...], arm: Arm, recipe: Recipe, target: Target, task: Task) -> Iterator[Flaw]:
    known = arms(recipe, target, task)
    yield from _unknown((*at, "intermediate"), [arm.intermediate], known, f"intermediate arm of {task.name!r}")
    if not arm.shots:
        return
    fewshot = recipe.fewshot
    if fewshot is None or not task.spec.trained or task.name not in (fewshot.tasks or recipe.targets):
        yield Flaw((*at, "shots"), f"{task.name!r} gets no shots in this recipe")
        return
    if arm.shots not in fewshot.shots:
        yield Flaw((*at, "shots"), f"{arm.shots} is not among `fewshot.shots`: {', '.join(map(str, fewshot.shots))}")
    yield from _unknown((*at, "method"), [arm.method], fewshot.methods, "method of `fewshot`")
    if arm.intermediate in known and arm.intermediate not in (fewshot.intermediates or known):
        yield Flaw((*at, "intermediate"), f"{arm.intermediate!r} is not among `fewshot.intermediates`")


def _unknown(at: tuple[str, ...], names: Iterable[str], known: Iterable[str], what: str) -> Iterator[Flaw]:
    known = tuple(known)
    for name in names:
        if name not in known:
            yield Flaw(at, f"there is no {what} {name!r}{_near(name, known)}")


def _no_task(at: tuple[str, ...], name: str, recipe: Recipe) -> Flaw:
    return Flaw(at, f"there is no task {name!r}{_near(name, (*task_names(), *recipe.tasks))}")


def _near(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known) or 'none'}"


def _lacking(at: tuple[str, ...], languages: Iterable[str], task: Task) -> Iterator[Flaw]:
    lacking = [language for language in languages if language not in task.languages]
    if lacking:
        yield Flaw(at, f"task {task.name!r} has no {', '.join(lacking)}; it has {', '.join(task.languages)}")
