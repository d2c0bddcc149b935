"""Checks the files with translations of training data."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xstilts.data.translation.files import read_translations
from xstilts.errors import DataError
from xstilts.inspection.finding import Finding, row_findings
from xstilts.planning.specs import TranslateStage
from xstilts.planning.stage import Data, Stage
from xstilts.plurals import plural
from xstilts.problems import Example
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationSource:
    """How the files of translations and the examples that they translate are read."""

    tasks: Mapping[str, Task]
    columns: Mapping[str, Mapping[str, str]]
    """The columns of the recipe's own tasks."""
    find: Callable[[str], Path]
    train_split: Callable[[Data], tuple[Example, ...] | None]
    """The training examples; None if they are not on this machine or have errors themselves."""


def check_translations(stages: Iterable[Stage], source: TranslationSource) -> tuple[list[Finding], tuple[str, ...]]:
    """Errors in the files of translations that `stages` read, and the files that are not checked because the examples
    are missing."""
    findings: list[Finding] = []
    unchecked: list[str] = []
    for stage in stages:
        if isinstance(stage, TranslateStage) and stage.file is not None:
            examples = source.train_split(stage.data)
            if examples is None:
                unchecked.append(stage.file)
            else:
                findings += _check_file(stage, stage.file, examples, source)
    return findings, tuple(unchecked)


def _check_file(
    stage: TranslateStage, file: str, examples: tuple[Example, ...], source: TranslationSource
) -> Iterator[Finding]:
    task, where = source.tasks[stage.data.task], {"task": stage.data.task, "language": stage.to, "split": "train"}
    path, columns = source.find(file), source.columns.get(stage.data.task)
    try:
        translated = read_translations(path, task, columns, examples, examples, stage.to)
    except DataError as error:
        yield from row_findings([error], "invalid-translations", **where)
        return
    if translated.dropped:
        count = len(examples) - len(translated.examples)
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in translated.dropped.items())
        yield Finding(
            code="untranslated",
            severity="warning" if translated.examples else "error",
            message=f"{path}: {plural(count, 'row')} of {len(examples):,} cannot be used as translations: {reasons}",
            hint="" if translated.examples else "check that the file belongs to this task",
            **where,
        )
