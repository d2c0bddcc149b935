"""Rows of a user's task that are in two splits."""

from collections.abc import Collection, Iterator, Mapping

from xstilts.data.user_files import LATER_SPLITS, FileContent
from xstilts.inspection.finding import Finding
from xstilts.tasks.task import Task

_NAMED = 3

Contents = Mapping[str, Mapping[str, FileContent]]
"""The files of a task by language and split."""


def check_duplicates(task: Task, contents: Contents, trained: Collection[str]) -> Iterator[Finding]:
    """Rows whose group is also in a later split of any language. A group is a row's text, or its column `group`.

    Test rows in the training data of a `trained` language are an error. Elsewhere they are a warning: a pool of shots
    is sampled without them, and dev rows are only selected on.
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
                    is_trained_on = split == "train" and language in trained
                    yield _finding(task, language, split, name, splits[split], rows, is_trained_on)


def _places(contents: Contents, split: str) -> dict[str, str]:
    """The groups of a split in all languages, each with file and line of its first row."""
    places: dict[str, str] = {}
    for splits in contents.values():
        if (content := splits.get(split)) is not None:
            for example, line in zip(content.examples, content.lines, strict=True):
                places.setdefault(example.group, f"{content.path.name}:{line}")
    return places


def _finding(
    task: Task,
    language: str,
    split: str,
    other: str,
    content: FileContent,
    rows: list[tuple[int, str]],
    is_trained_on: bool,
) -> Finding:
    named = ", ".join(f"{content.path.name}:{line} = {place}" for line, place in rows[:_NAMED])
    more = ", ..." if len(rows) > _NAMED else ""
    is_error = is_trained_on and other == "test"
    is_pool = split == "train" and not is_trained_on
    return Finding(
        code="duplicates",
        severity="error" if is_error else "warning",
        task=task.name,
        language=language,
        split=split,
        message=f"{len(rows):,} of {len(content.examples):,} rows are also in {other} ({named}{more})"
        + ", and are never sampled as shots" * (is_pool and other == "test"),
        hint="remove them, or set `duplicates: drop-train` for the task" if is_error else "",
    )
