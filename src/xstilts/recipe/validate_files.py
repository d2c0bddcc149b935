"""What the types of a recipe cannot say: names that exist, files that are there, tasks that bear what is asked."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xstilts.cache.wheels import cache_dir
from xstilts.config.recipe import Recipe
from xstilts.data import corpora as texts
from xstilts.data.benchmark_files import bind
from xstilts.data.user_files import user_task
from xstilts.encoders import find_card
from xstilts.errors import UserError
from xstilts.recipe.messages import Mistake, dotted, suggestion
from xstilts.recipe.resolve import (
    HELD_SPLIT,
    OTHER_LANGUAGES,
    fewshot_languages,
    has_dev,
    layer_selection_task,
    sampled_ks,
    scored_languages,
)
from xstilts.recipe.translation import files_of, find_file
from xstilts.recipe.validate import flaws
from xstilts.tasks import load_task, task_names
from xstilts.tasks.task import Task

Where = tuple[str | int, ...]


def check(
    recipe: Recipe, written: Mapping[str, Any], base: Path, *, complete: bool, root: Path | None = None
) -> tuple[dict[str, Task], list[Mistake]]:
    """The tasks that the recipe names, and what is wrong with it.

    Unless `complete`, `recipe` lacks those parts of `written` that are wrong by themselves. What only follows from
    another mistake is not told. `root` is the folder of benchmarks' own files.
    """
    tasks, found = _own_tasks(recipe, base)
    known = {name for name in _used(recipe) if name in task_names()}
    tasks |= {
        name: bind(load_task(name), root=root, cache=cache_dir(), partition=recipe.partition.get(name))
        for name in known - tasks.keys()
    }
    found += [*_texts(recipe, base), *_translations(recipe, base, root)]
    found += [*_encoder(recipe), *_partitions(recipe), *_same_arms(recipe), *_repeats((), recipe.model_dump())]
    found += [mistake for name in recipe.targets if name in tasks for mistake in _missing_splits(recipe, tasks[name])]
    lost = _declared(written) - tasks.keys() - recipe.targets.keys() - recipe.intermediate.keys()
    lost |= recipe.tasks.keys() - tasks.keys()
    for flaw in flaws(recipe if complete else recipe.model_copy(update={"primary": None}), tasks):
        if not any(repr(name) in flaw.message for name in lost):
            message = flaw.message if flaw.message.startswith("there is") else str(flaw)
            found.append(Mistake(path=flaw.where, message=message))
    return tasks, found


def _declared(written: Mapping[str, Any]) -> set[str]:
    blocks = (written.get(name) for name in ("tasks", "intermediate", "targets"))
    return {name for block in blocks if isinstance(block, dict) for name in block}


def _own_tasks(recipe: Recipe, base: Path) -> tuple[dict[str, Task], list[Mistake]]:
    tasks: dict[str, Task] = {}
    found: list[Mistake] = []
    for name, block in recipe.tasks.items():
        if name in task_names():
            message = f"{name!r} is a shipped task; give yours another name"
            found.append(Mistake(path=("tasks", name), message=message))
        elif missing := list(_missing_files(recipe, name, base)):
            found += missing
        else:
            try:
                tasks[name] = user_task(name, block, base)
            except UserError as error:
                found.append(Mistake(path=("tasks", name), message=_one_line(error)))
    return tasks, found


def _missing_files(recipe: Recipe, name: str, base: Path) -> Iterator[Mistake]:
    for language, files in recipe.tasks[name].files.items():
        where: Where = ("tasks", name, "files", language)
        by_split = {where: files} if isinstance(files, str) else {(*where, split): f for split, f in files.items()}
        for place, file in by_split.items():
            if not (base / file).is_file():
                yield Mistake(path=place, message=f"there is no file {base / file}")


def _missing_splits(recipe: Recipe, task: Task) -> Iterator[Mistake]:
    """Languages of an own task whose files, one for each split, leave out one that the recipe reads."""
    target, block = recipe.targets[task.name], recipe.tasks.get(task.name)
    needed: dict[str, set[str]] = {language: {target.split} for language in scored_languages(target, task)}
    if not task.spec.trained:
        splits = {target.split, HELD_SPLIT} if has_dev(task) else {target.split}
        needed = dict.fromkeys(needed, splits)
    else:
        needed.setdefault(target.source_language, set()).update(("train", "dev"))
        if recipe.fewshot and sampled_ks(recipe.fewshot):
            for language in fewshot_languages(recipe.fewshot, target, task):
                needed[language].add("train")
    for language, files in block.files.items() if block else ():
        if isinstance(files, dict) and (absent := sorted(needed.get(language, set()) - files.keys())):
            message = f"{task.name!r} needs a file for {' and '.join(absent)} in {language!r}"
            yield Mistake(path=("tasks", task.name, "files", language), message=message)


def _used(recipe: Recipe) -> set[str]:
    shipped = {name: load_task(name) for name in recipe.targets.keys() & set(task_names())}
    chosen = {
        layer_selection_task(recipe.targets[name], task) for name, task in shipped.items() if not task.spec.trained
    } - {OTHER_LANGUAGES}
    return {*recipe.targets, *chosen, *(name for arm in recipe.intermediate.values() for name in arm.reads)}


def _partitions(recipe: Recipe) -> Iterator[Mistake]:
    for name in recipe.partition.keys() - recipe.tasks.keys() - set(task_names()):
        message = f"there is no task {name!r}{suggestion(name, task_names())}"
        yield Mistake(path=("partition", name), message=message)
    for name in recipe.partition.keys() & recipe.tasks.keys():
        message = f"{name!r} is the recipe's own: give its files `fractions` instead"
        yield Mistake(path=("partition", name), message=message)


def _texts(recipe: Recipe, base: Path) -> Iterator[Mistake]:
    for name, arm in recipe.intermediate.items():
        for language, place in arm.mlm.texts.items() if arm.mlm else ():
            if wrong := texts.flaw(place, base):
                yield Mistake(path=("intermediate", name, "mlm", "texts", language), message=wrong)


def _encoder(recipe: Recipe) -> Iterator[Mistake]:
    try:
        card = find_card(recipe.encoder)
    except UserError as error:
        yield Mistake(path=("encoder",), message=_one_line(error))
        return
    if card.kind == "vision":
        yield Mistake(
            path=("encoder",), message=f"{card.name} reads no texts: name one that does, as in e5-small+{card.name}"
        )


def _translations(recipe: Recipe, base: Path, root: Path | None) -> Iterator[Mistake]:
    for name, arm in recipe.intermediate.items():
        at: Where = ("intermediate", name, "translate")
        if arm.translate and arm.translate.model is not None:
            yield from _model((*at, "model"), arm.translate.model)
        for task, file in files_of(arm):
            try:
                find_file(file, base, root)
            except UserError as error:
                yield Mistake(path=(*at, "files", task), message=_one_line(error))


def _model(at: Where, name: str) -> Iterator[Mistake]:
    try:
        find_card(name)
    except UserError:
        yield Mistake(path=at, message=f"{name!r} is no folder and no Hub id of the form owner/name")


def _same_arms(recipe: Recipe) -> Iterator[Mistake]:
    if recipe.primary and recipe.primary.treatment == recipe.primary.baseline:
        yield Mistake(path=("primary",), message="the treatment and the baseline of primary are the same arm")


def _repeats(where: Where, value: object) -> Iterator[Mistake]:
    """Lists that name something twice: a seed, a language, a number of shots."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _repeats((*where, key), inner)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            if item in value[:index]:
                yield Mistake(path=(*where, index), message=f"{dotted(where)} names {item!r} twice")


def _one_line(error: UserError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
