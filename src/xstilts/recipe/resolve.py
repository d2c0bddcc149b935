"""The arms, languages and methods of each target, derived from a recipe and its tasks."""

from collections.abc import Collection, Iterable, Mapping

from xstilts.config.files import TaskFiles
from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.config.splits import shots_split, translated
from xstilts.data.corpora import TextSettings
from xstilts.methods import closed_form_head
from xstilts.methods.method import FewshotMethod
from xstilts.tasks.task import Task

ENGLISH = "en"
FITTING_SPLIT = "dev"
"""Split on which the layer and the mean vector (retrieval) or the threshold (mining) are fitted. Retrieval and mining
are never scored on it."""
POOL_SPLIT = "train"
"""Split from which shots are sampled."""
OTHER_LANGUAGES = "other-languages"
BITEXT = "ui-bitext"
"""Task on which layers are selected for retrieval tasks without a dev split."""


def intermediate_arms(recipe: Recipe, target: Target, task: Task) -> tuple[str, ...]:
    """The intermediate arms of a target. By default all, but arms that add training steps only if it is trained."""
    if target.intermediates is not None:
        return tuple(dict.fromkeys(target.intermediates))
    trained = task.spec.is_trained and not target.skip_training
    return tuple(name for name, arm in recipe.intermediate.items() if trained or not arm.match_steps_of)


def is_control(arm: Intermediate) -> bool:
    """Whether an intermediate arm is a control: it is compared with, but never selected."""
    return bool(arm.modality or arm.shuffle_labels or arm.match_steps_of)


def text_settings(recipe: Recipe) -> Mapping[tuple[str, ...], TextSettings]:
    """The blocks of a recipe that name unlabelled texts, by their path."""
    blocks: dict[tuple[str, ...], TextSettings | None] = {
        **{("intermediate", name, "mlm"): arm.mlm for name, arm in recipe.intermediate.items()},
        **{("targets", name, "unlabelled"): target.unlabelled for name, target in recipe.targets.items()},
    }
    return {path: block for path, block in blocks.items() if block is not None}


def baseline_first(recipe: Recipe) -> tuple[str, ...]:
    """The intermediate arms in the order of tables: without training, with training, controls."""
    arms = recipe.intermediate
    return tuple(sorted(arms, key=lambda name: 2 if is_control(arms[name]) else int(arms[name].trains)))


def baseline_arm(recipe: Recipe, target: Target, task: Task) -> str:
    """The intermediate arm that the others of a target are compared with."""
    arms = intermediate_arms(recipe, target, task)
    return next(name for name in baseline_first(recipe) if name in arms)


def has_dev(task: Task) -> bool:
    """Whether a retrieval task has a dev split in every language, as far as its splits are known."""
    splits = task.splits or task.sizes
    return not splits or all(FITTING_SPLIT in names for names in splits.values())


def layer_selection_task(target: Target, task: Task) -> str:
    """The task on whose dev split the layer of a retrieval or mining target is selected."""
    return target.layer_selection_task or (task.name if has_dev(task) else BITEXT)


def scored_languages(target: Target, task: Task) -> tuple[str, ...]:
    """The scored languages; the source language first if the target is trained."""
    if not task.spec.is_trained:
        return target.languages or non_english(task)
    return tuple(dict.fromkeys((target.source_language, *(target.languages or task.languages))))


def has_fewshot(recipe: Recipe, task: str, intermediate: str) -> bool:
    """Whether the models of a target after an intermediate arm are adapted."""
    fewshot = recipe.fewshot
    if fewshot is None:
        return False
    return task in (fewshot.tasks or recipe.targets) and intermediate in (fewshot.intermediates or recipe.intermediate)


def fewshot_languages(fewshot: Fewshot, target: Target, task: Task) -> tuple[str, ...]:
    """The scored languages that are adapted; the source language only if `fewshot.languages` names it."""
    languages = scored_languages(target, task)
    if fewshot.languages is None:
        return tuple(language for language in languages if language != target.source_language)
    return tuple(language for language in languages if language in fewshot.languages)


def sampled_ks(fewshot: Fewshot) -> tuple[int, ...]:
    """The values of k for which shots are sampled."""
    return tuple(k for k in fewshot.shots if isinstance(k, int) and (fewshot.sampled is None or k in fewshot.sampled))


def applicable_methods(fewshot: Fewshot, task: Task) -> tuple[FewshotMethod, ...]:
    """The methods that support the task's problem."""
    return tuple(method for method in fewshot.methods if method.applies_to(task.spec))


def has_frozen_arm(recipe: Recipe, task: Task) -> bool:
    """Whether a closed-form head is also scored on the encoder before target training."""
    return recipe.frozen and has_frozen_encoder(task)


def has_frozen_encoder(task: Task) -> bool:
    """Whether a closed-form head can be fitted to the encoder before target training. With images it cannot: the head
    combines text and images in a layer that must be trained first."""
    return closed_form_head(task.spec).applies_to(task.spec) and not task.spec.has_images


def languages_with_pool(fewshot: Fewshot, target: Target, task: Task) -> tuple[str, ...]:
    """The adapted languages with a split to sample shots from, as far as their splits are known."""
    return tuple(language for language in fewshot_languages(fewshot, target, task) if _has_pool(target, task, language))


def _has_pool(target: Target, task: Task, language: str) -> bool:
    splits = task.splits.get(language) or (language != target.source_language and task.sizes.get(language))
    return not splits or POOL_SPLIT in splits


def new_labels(task: Task, source_language: str, languages: Iterable[str], split: str = POOL_SPLIT) -> tuple[str, ...]:
    """The classes in the split of these languages that the training data in the source language lack, as far as is
    known. Empty for problems whose heads cannot get more classes."""
    known = task.pool_labels.get(source_language, {}).get("train", ())
    if not known or not task.spec.has_classes:
        return ()
    labels = {label for language in languages for label in task.pool_labels.get(language, {}).get(split, ())}
    return tuple(sorted(labels - set(known)))


def fixed_shot_sets(task: Task, language: str) -> tuple[str, ...]:
    """The published few-shot sets of a language; if the local files are known, those among them."""
    splits = task.splits.get(language)
    return tuple(k for k in task.fixed_shot_sizes.get(language, ()) if not splits or shots_split(k) in splits)


def languages_with_translated_test(recipe: Recipe, target: Target, task: Task) -> tuple[str, ...]:
    """The scored languages whose scored split is available in machine-translated English too, as far as is known.

    For a language of a benchmark without local files, the splits that its publishers provide count.
    """
    split, block = translated(target.split), recipe.tasks.get(task.name)
    return tuple(
        language
        for language in scored_languages(target, task)
        if language != target.source_language and split in _splits(task, language, block)
    )


def _splits(task: Task, language: str, block: TaskFiles | None) -> Collection[str]:
    files = block.files.get(language) if block else None
    if isinstance(files, dict):
        return files
    if task.benchmark and not task.splits.get(language):
        return {split for native in task.benchmark.native for split in native.files}
    return task.splits.get(language) or task.sizes.get(language) or ()


def non_english(task: Task) -> tuple[str, ...]:
    """The languages of a retrieval task without English, which each of them is paired with."""
    return tuple(language for language in task.languages if language != ENGLISH)
