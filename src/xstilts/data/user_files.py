"""Tasks that a recipe defines by files, columns and a problem."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import compress
from pathlib import Path
from typing import Any, Literal, Protocol

from xstilts.cache.checksums import cached_text, sha256_of
from xstilts.cache.sources import Files
from xstilts.cache.wheels import cache_dir
from xstilts.config.splits import SHOTS, TRANSLATED, few_shot_sets
from xstilts.data.splits import ALL, split_examples
from xstilts.errors import DataError, RowsError
from xstilts.formats.notes import Note, Notes
from xstilts.formats.tables import READABLE, SUFFIXES, format_suffix, read_rows, rows
from xstilts.platform.files import expand_home, is_file
from xstilts.problems import PROBLEMS, Example, ProblemName
from xstilts.problems.cells import FileRow
from xstilts.problems.labels import AS_WRITTEN, LabelRules
from xstilts.problems.references import local_file
from xstilts.tasks.task import Paths, Task

CODE_VERSION = 2
"""Increased when the same files give other examples."""
FRACTIONS = {"train": 0.7, "dev": 0.1, "test": 0.2}
"""The default splits of a language with a single file."""


class HasRules(Protocol):
    @property
    def rules(self) -> LabelRules: ...


class TaskSettings(Protocol):
    """A recipe's settings of a user's task."""

    @property
    def problem(self) -> ProblemName: ...
    @property
    def files(self) -> Mapping[str, str | Mapping[str, str]]: ...
    @property
    def columns(self) -> Mapping[str, str]: ...
    @property
    def fractions(self) -> Mapping[str, float] | None: ...
    @property
    def licence(self) -> str: ...
    @property
    def labels(self) -> HasRules: ...
    @property
    def duplicates(self) -> Literal["refuse", "drop-train"]: ...


def user_task(name: str, settings: TaskSettings, base: Path, cache: Path | None = None) -> Task:
    """The task of `settings`; its paths are relative to `base`. Rows are read only when the task is loaded.

    Images are part of the data: their checksums are computed here and cached in `cache`. A missing image is no error
    here, but changes the fingerprint.

    The group of a row is its text (prompt, context, English sentence), so equal texts are never in different splits.
    Data that is parallel across languages needs a `group` column. In mining, a sentence has the group of its
    translation; with images, a text has the group of its image. The id of a row without a column `id` is its split and
    its number among the rows of the file, from 1. A split `shots-K` is a fixed few-shot set. A split
    whose name ends in `-mt` contains machine translations of another split into English, with the same ids or in the
    same order. Raises DataError for a missing file or column, or a row without an image.
    """
    _check_columns(name, settings)
    files = {language: _files_by_split(paths, base) for language, paths in settings.files.items()}
    sums = {str(path): _digest(name, path) for splits in files.values() for path in splits.values()}
    layout: dict[str, Any] = {
        "columns": dict(settings.columns),
        "files": {
            language: {split: f"{sums[str(path)]}{format_suffix(path)}" for split, path in splits.items()}
            for language, splits in files.items()
        },
    }
    if PROBLEMS[settings.problem].has_images:
        layout["images"] = _images_digest(sums, dict(settings.columns), cache or cache_dir())
    if settings.labels.rules != AS_WRITTEN:
        layout["labels"] = asdict(settings.labels.rules)
    if settings.duplicates != "refuse":
        layout["duplicates"] = settings.duplicates
    has_single_files = any(ALL in splits for splits in files.values())
    return Task(
        name=name,
        problem=settings.problem,
        suite=(),
        languages=tuple(files),
        sources=(Files(sums=sums, layout=json.dumps(layout, sort_keys=True)),),
        read=UserFiles(
            files=files,
            problem=settings.problem,
            columns=dict(settings.columns),
            labels=settings.labels.rules,
            drops_duplicates=settings.duplicates == "drop-train",
        ),
        code_version=CODE_VERSION,
        fractions=dict(settings.fractions or FRACTIONS) if has_single_files else None,
        normaliser="squad2",
        fixed_shot_sizes={language: few_shot_sets(splits) for language, splits in files.items()},
        licence=settings.licence,
        citation="",
        url="",
    )


def pool_labels(task: Task, reader: "UserFiles", cache: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """The sorted classes that occur in `train` and in the fixed few-shot sets, by language and split.

    Cached until the files change. Rows that cannot be used are ignored: the inspection of the files names them.
    """
    state = [name for language in task.languages for name in (language, task.fingerprint(language))]
    return json.loads(
        cached_text("classes", state, cache, lambda: json.dumps(_pool_labels(task, reader), ensure_ascii=False))
    )


def _pool_labels(task: Task, reader: "UserFiles") -> dict[str, dict[str, list[str]]]:
    labels: dict[str, dict[str, list[str]]] = {}
    for language in task.languages:
        contents = reader.contents(language)
        splits = split_examples(task, {split: content.examples for split, content in contents.items()})
        labels[language] = {
            split: sorted({label for example in examples for label in example.classes})
            for split, examples in splits.items()
            if split == "train" or split.startswith(SHOTS)
        }
    return labels


def _check_columns(name: str, settings: TaskSettings) -> None:
    problem = PROBLEMS[settings.problem]
    columns = (*problem.columns, *problem.optional_columns, *problem.label_columns, "id", "group")
    hint = f"the columns are {', '.join(columns)}"
    for column in problem.columns:
        if column not in settings.columns:
            raise DataError(f"task {name!r}: a {settings.problem} task needs `columns: {column}`", hint)
    for column in settings.columns:
        if column not in columns:
            raise DataError(f"task {name!r}: a {settings.problem} task has no column {column!r}", hint)
    if not settings.files:
        raise DataError(f"task {name!r} has no files", "add `files: {language: path}`")


def _files_by_split(paths: str | Mapping[str, str], base: Path) -> dict[str, Path]:
    splits = {ALL: paths} if isinstance(paths, str) else paths
    return {split: base / expand_home(path) for split, path in splits.items()}


def _digest(name: str, path: Path) -> str:
    if not is_file(path):
        raise DataError(f"task {name!r}: the file {path} is missing", "paths are relative to the recipe")
    if format_suffix(path) not in SUFFIXES:
        raise DataError(f"task {name!r}: {path} cannot be read", READABLE)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _images_digest(sums: Mapping[str, str], columns: Mapping[str, str], cache: Path) -> str:
    """The SHA-256 of the paths and checksums of local images."""
    tables = [(Path(path), digest) for path, digest in sums.items()]
    paths = sorted({path for table, digest in tables for path in _local_images(table, digest, columns, cache)})
    checksums = {path: sha256_of(Path(path), cache) if is_file(Path(path)) else None for path in paths}
    return hashlib.sha256(json.dumps(checksums).encode()).hexdigest()


def _local_images(table: Path, digest: str, columns: Mapping[str, str], cache: Path) -> list[str]:
    """The paths of a table's local images, cached until the table changes."""

    def compute() -> str:
        references = {image for line, row in rows(table) for image in FileRow(table, line, row, columns).images()}
        return json.dumps(sorted({str(path) for image in references if (path := local_file(image))}))

    return json.loads(cached_text("images", [str(table.resolve()), digest, json.dumps(columns)], cache, compute))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What a file holds: its examples, the row errors, and what was repaired or guessed."""

    path: Path
    examples: tuple[Example, ...]
    lines: tuple[int, ...]
    """The line on which the row of each example begins."""
    errors: tuple[DataError, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFiles:
    """The reader of a task that a recipe defines: `Task.read`, and the same with errors and notes."""

    files: Mapping[str, Mapping[str, Path]]
    """By language and split."""
    problem: ProblemName
    columns: Mapping[str, str]
    labels: LabelRules
    drops_duplicates: bool
    """Whether rows of `train` and `dev` are left out whose group is in a later split of any language."""
    _groups: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]], compare=False, repr=False)

    def __call__(self, paths: Paths, language: str) -> dict[str, tuple[Example, ...]]:
        """The examples by split. Raises RowsError with all rows that cannot be used."""
        contents = self.contents(language)
        if errors := [error for content in contents.values() for error in content.errors]:
            raise RowsError(errors)
        return {split: content.examples for split, content in contents.items()}

    def contents(self, language: str) -> dict[str, FileContent]:
        """The content of each file of a language, by split."""
        contents = {split: self.content(split, language) for split in self.files[language]}
        if not self.drops_duplicates:
            return contents
        return {split: self._without_duplicates(split, content) for split, content in contents.items()}

    def content(self, split: str, language: str) -> FileContent:
        """The content of a file, duplicates of other splits included."""
        path, notes = self.files[language][split], Notes()
        try:
            table = read_rows(path)
        except DataError as error:
            return FileContent(path=path, examples=(), lines=(), errors=(error,), notes=())
        prefix = split.removesuffix(TRANSLATED)
        cells = [
            (FileRow(path, line, row, self.columns, self.labels, notes), f"{prefix}-{number}")
            for number, (line, row) in enumerate(table.rows, start=1)
        ]
        examples, errors = PROBLEMS[self.problem].read_rows(cells, language)
        lines = {row.item_id(name): row.line for row, name in cells} if examples and not errors else {}
        return FileContent(
            path=path,
            examples=tuple(examples),
            lines=tuple(lines.get(example.id, 0) for example in examples),
            errors=(*errors, *_repeated_ids(path, examples)),
            notes=(*table.notes, *notes.all()),
        )

    def _groups_of(self, split: str) -> frozenset[str]:
        """The groups of a split in all languages; its files are read once."""
        if split not in self._groups:
            languages = [language for language, splits in self.files.items() if split in splits]
            contents = (self.content(split, language) for language in languages)
            self._groups[split] = frozenset(example.group for content in contents for example in content.examples)
        return self._groups[split]

    def _without_duplicates(self, split: str, content: FileContent) -> FileContent:
        later = LATER_SPLITS.get(split, ())
        groups = frozenset[str]().union(*map(self._groups_of, later))
        keep = [example.group not in groups for example in content.examples]
        if all(keep):
            return content
        note = Note(
            code="duplicates",
            count=keep.count(False),
            first_line=content.lines[keep.index(False)],
            text=f"a row that is also in {' or '.join(later)}, left out",
        )
        return replace(
            content,
            examples=tuple(compress(content.examples, keep)),
            lines=tuple(compress(content.lines, keep)),
            notes=(*content.notes, note),
        )


LATER_SPLITS = {"train": ("dev", "test"), "dev": ("test",)}
"""The splits that a row may not be repeated in."""


def _repeated_ids(path: Path, examples: Sequence[Example]) -> Iterator[DataError]:
    for name, count in Counter(example.id for example in examples).items():
        if count > 1:
            yield DataError(f"{path}: {count} rows have the id {name!r}", "give every row of a file a unique id")
