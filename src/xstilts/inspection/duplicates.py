"""Rows of a user's task that are in two splits."""

from collections.abc import Iterator, Mapping

from xstilts.data.user_files import LATER_SPLITS, FileContent
from xstilts.inspection.finding import Finding
from xstilts.tasks.task import Task

_NAMED = 3

Contents = Mapping[str, Mapping[str, FileContent]]
"""The files of a task by language and split."""


def check_duplicates(task: Task, contents: Contents) -> Iterator[Finding]:
    """Training rows, of any language, whose group is also in the scored split of any language: errors.

    Rows that train and dev share are a warning. A group is a row's text, or the `group` that its file names.
    """
    for language, splits in contents.items():
        for split, later in LATER_SPLITS.items():
            if split not in splits:
                continue
            for name in later:
                places = _places(contents, name)
                rows = [
                    (line, places[example.group])
                    for example, line in zip(splits[split].examples, splits[split].lines, strict=True)
                    if example.group in places
                ]
                if rows:
                    yield _finding(task, language, split, name, splits[split], rows)


def _places(contents: Contents, split: str) -> dict[str, str]:
    """The groups of a split in all languages, each with file and line of its first row."""
    places: dict[str, str] = {}
    for splits in contents.values():
        if (content := splits.get(split)) is not None:
            for example, line in zip(content.examples, content.lines, strict=True):
                places.setdefault(example.group, f"{content.path.name}:{line}")
    return places


def _finding(
    task: Task, language: str, split: str, other: str, content: FileContent, rows: list[tuple[int, str]]
) -> Finding:
    named = ", ".join(f"{content.path.name}:{line} = {place}" for line, place in rows[:_NAMED])
    more = ", ..." if len(rows) > _NAMED else ""
    return Finding(
        code="duplicates",
        severity="error" if other == "test" else "warning",
        task=task.name,
        language=language,
        split=split,
        message=f"{len(rows):,} of {len(content.examples):,} rows are also in {other} ({named}{more})",
        hint="remove them, or set `duplicates: drop-train` for the task" if other == "test" else "",
    )
