"""Inspects the tasks that a recipe defines: every file, before anything is trained."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xstilts.config.recipe import Recipe
from xstilts.config.splits import TRANSLATED
from xstilts.data.splits import split_examples
from xstilts.data.user_files import FileContent, UserFiles
from xstilts.inspection.duplicates import check_duplicates
from xstilts.inspection.encoder import check_lengths
from xstilts.inspection.finding import Finding, row_findings
from xstilts.inspection.labels import check_labels
from xstilts.inspection.shots import check_shots
from xstilts.plurals import plural
from xstilts.problems import Example
from xstilts.recipe.resolve import POOL_SPLIT, scored_languages
from xstilts.tasks.task import Task

_NEW_LABELS = ("new-labels", "learnt-labels")


def inspect(recipe: Recipe, tasks: Mapping[str, Task], cache: Path) -> tuple[Finding, ...]:
    """What is wrong with the data of the recipe's own tasks (errors), and what a user has to know (warnings)."""
    findings = list(check_lengths(recipe, cache))
    for task in tasks.values():
        if isinstance(task.read, UserFiles):
            findings += _inspect_task(recipe, task, task.read)
    return tuple(findings)


def _inspect_task(recipe: Recipe, task: Task, reader: UserFiles) -> Iterator[Finding]:
    contents = {language: reader.contents(language) for language in task.languages}
    for language, files in contents.items():
        for split, content in files.items():
            yield from _file_findings(task, language, split, content)
    if any(content.errors for files in contents.values() for content in files.values()):
        return
    languages = {
        language: split_examples(task, {split: content.examples for split, content in files.items()})
        for language, files in contents.items()
    }
    sources = _source_languages(recipe, task)
    labels = [finding for source in sources for finding in check_labels(task, languages, source)]
    is_comparable = not any(finding.severity == "error" for finding in labels)
    target = list(_check_target(recipe, task, languages)) if is_comparable else []
    pools = {finding.language for finding in target if finding.code in _NEW_LABELS and finding.split == POOL_SPLIT}
    yield from (
        finding
        for finding in labels
        if not (finding.code in _NEW_LABELS and finding.split == POOL_SPLIT and finding.language in pools)
    )
    yield from check_duplicates(task, contents, sources)
    yield from _check_translations(task, languages)
    yield from target


def _file_findings(task: Task, language: str, split: str, content: FileContent) -> Iterator[Finding]:
    yield from row_findings(content.errors, "invalid-row", task.name, language, split)
    for note in content.notes:
        message = f"{note.text} ({plural(note.count, 'row')}, the first at {content.path.name}:{note.first_line})"
        yield Finding(
            code="repaired", severity="warning", message=message, task=task.name, language=language, split=split
        )


def _source_languages(recipe: Recipe, task: Task) -> tuple[str, ...]:
    """The languages in which the recipe trains heads of the task."""
    target = recipe.targets.get(task.name)
    trained = (target.source_language,) if target is not None and task.spec.is_trained else ()
    arms = tuple(arm.language for arm in recipe.intermediate.values() if task.name in arm.tasks)
    return tuple(dict.fromkeys((*trained, *arms)))


def _check_translations(task: Task, languages: Mapping[str, Mapping[str, Sequence[Example]]]) -> Iterator[Finding]:
    """Whether each translated split (`test-mt`) has the items of the original."""
    for language, splits in languages.items():
        for split, examples in splits.items():
            original = split.removesuffix(TRANSLATED)
            if original == split or original not in splits:
                continue
            ids, translated = (dict.fromkeys(example.id for example in each) for each in (splits[original], examples))
            unpaired = [name for name in ids if name not in translated]
            extra = [name for name in translated if name not in ids]
            if unpaired or extra:
                named = ", ".join([*unpaired, *extra][:5])
                yield Finding(
                    code="unpaired-translations",
                    severity="error",
                    task=task.name,
                    language=language,
                    split=split,
                    message=f"{plural(len(unpaired), 'row')} of {original} without a translation, and "
                    f"{plural(len(extra), 'row')} without an original, such as {named}",
                    hint=f"write a row for each row of {original}, in the same order or with the same ids",
                )


def _check_target(
    recipe: Recipe, task: Task, languages: Mapping[str, Mapping[str, Sequence[Example]]]
) -> Iterator[Finding]:
    """Whether the scored splits have labelled examples, and how many shots there are of each label."""
    target = recipe.targets.get(task.name)
    if target is None:
        return
    for language in scored_languages(target, task):
        examples = languages.get(language, {}).get(target.split)
        where = {"task": task.name, "language": language, "split": target.split}
        if examples is not None and not examples:
            yield Finding(code="no-examples", severity="error", message="there are no examples", **where)
        elif examples and any(example.target is None for example in examples):
            message = "the scored examples have no labels"
            yield Finding(
                code="no-labels", severity="error", message=message, hint="name the column of labels", **where
            )
    fewshot = recipe.fewshot
    if fewshot is None or (fewshot.tasks is not None and task.name not in fewshot.tasks):
        return
    yield from check_shots(task, languages, fewshot, target)
