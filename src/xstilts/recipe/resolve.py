"""What a recipe means for its tasks: arms, languages, what layers are chosen on."""

from collections.abc import Collection

from xstilts.config.recipe import Fewshot, Recipe, Target, TaskFiles
from xstilts.config.splits import shots_split, translated
from xstilts.methods.method import FewshotMethod
from xstilts.tasks.task import Task

ENGLISH = "en"
HELD_SPLIT = "dev"
"""Split that gives retrieval its layer and its mean vector, and mining its layer and its threshold; never evaluated
there."""
POOL_SPLIT = "train"
"""Split that shots are drawn from."""
OTHER_LANGUAGES = "other-languages"
BITEXT = "ui-bitext"
"""What layers are chosen on where a retrieval task has no development data."""


def intermediate_arms(recipe: Recipe, target: Target, task: Task) -> tuple[str, ...]:
    """The intermediate arms that a target stands after. Where it is not trained, more steps of it are no control."""
    if target.intermediates is not None:
        return tuple(dict.fromkeys(target.intermediates))
    trained = task.spec.trained and not target.skip_training
    return tuple(name for name, arm in recipe.intermediate.items() if trained or not arm.match_steps_of)


def has_dev(task: Task) -> bool:
    """Whether a retrieval task has text that is not evaluated, in every language."""
    splits = task.splits or task.sizes
    return not splits or all(HELD_SPLIT in there for there in splits.values())


def layer_selection_task(target: Target, task: Task) -> str:
    """The task on whose development data the layer of a retrieval target is chosen."""
    return target.layer_selection_task or (task.name if has_dev(task) else BITEXT)


def scored_languages(target: Target, task: Task) -> tuple[str, ...]:
    """The languages that are scored; the source language first, where the target is trained in it."""
    if not task.spec.trained:
        return target.languages or non_english(task)
    return tuple(dict.fromkeys((target.source_language, *(target.languages or task.languages))))


def fewshot_languages(fewshot: Fewshot, target: Target, task: Task) -> tuple[str, ...]:
    """The scored languages that get shots; the source language only where `fewshot.languages` names it."""
    chosen = fewshot.languages
    return tuple(
        language
        for language in scored_languages(target, task)
        if (language in chosen if chosen is not None else language != target.source_language)
    )


def sampled_ks(fewshot: Fewshot) -> tuple[int, ...]:
    """The numbers of shots of which draws of our own are made."""
    return tuple(k for k in fewshot.shots if isinstance(k, int) and (fewshot.sampled is None or k in fewshot.sampled))


def applicable_methods(fewshot: Fewshot, task: Task) -> tuple[FewshotMethod, ...]:
    """The methods that are for the task's problem."""
    return tuple(method for method in fewshot.methods if method.applies_to(task.spec))


def languages_with_pool(fewshot: Fewshot, target: Target, task: Task) -> tuple[str, ...]:
    """The adapted languages that have examples to draw shots from, as far as that is known."""
    return tuple(language for language in fewshot_languages(fewshot, target, task) if _has_pool(target, task, language))


def _has_pool(target: Target, task: Task, language: str) -> bool:
    there = task.splits.get(language) or (language != target.source_language and task.sizes.get(language))
    return not there or POOL_SPLIT in there


def fixed_shot_sets(task: Task, language: str) -> tuple[str, ...]:
    """The published few-shot sets of a language; those whose files are at hand, where that is known."""
    there = task.splits.get(language)
    return tuple(k for k in task.fixed_shot_sizes.get(language, ()) if not there or shots_split(k) in there)


def languages_with_translated_test(recipe: Recipe, target: Target, task: Task) -> tuple[str, ...]:
    """The scored languages whose scored split there is in machine-made English too, as far as that is known.

    Of a benchmark of whose language no file is at hand, what its publishers have counts.
    """
    split, own = translated(target.split), recipe.tasks.get(task.name)
    return tuple(
        language
        for language in scored_languages(target, task)
        if language != target.source_language and split in _splits(task, language, own)
    )


def _splits(task: Task, language: str, own: TaskFiles | None) -> Collection[str]:
    files = own.files.get(language) if own else None
    if isinstance(files, dict):
        return files
    if task.benchmark and not task.splits.get(language):
        return {split for native in task.benchmark.native for split in native.files}
    return task.splits.get(language) or task.sizes.get(language) or ()


def non_english(task: Task) -> tuple[str, ...]:
    """The languages of a retrieval task, whose translations are all into English."""
    return tuple(language for language in task.languages if language != ENGLISH)
