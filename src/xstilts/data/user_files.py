"""A user's own task: files, their columns and the problem, named in a recipe."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from xstilts.cache.checksums import cached_text, sha256_of
from xstilts.cache.sources import Files
from xstilts.cache.wheels import cache_dir
from xstilts.config.splits import TRANSLATED, few_shot_sets
from xstilts.data.splits import ALL
from xstilts.errors import DataError
from xstilts.formats.tables import SUFFIXES, rows
from xstilts.problems import PROBLEMS, Example, ProblemName
from xstilts.problems.cells import Cells
from xstilts.problems.references import local_file
from xstilts.tasks.task import Paths, Task

FRACTIONS = {"train": 0.7, "dev": 0.1, "test": 0.2}
"""The splits of a language that has one file, unless the block says otherwise."""


class Block(Protocol):
    """What a recipe says of a user's task."""

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


def user_task(name: str, block: Block, base: Path, cache: Path | None = None) -> Task:
    """The task that `block` names; its paths are relative to `base`. Rows are read when the task is loaded.

    Only the images that rows name are looked for here, since their content is part of the data; sums of them are noted
    in `cache`. An image that is not there is no error, but makes other data.

    The group of a row is its text (prompt, context, English sentence), so that equal texts never cross splits; in
    data that is parallel across languages, name a `group` column. In mining, a sentence is grouped with its
    translation, about images a text with its image. A split `shots-K` is a few-shot set that is used as it is; one
    whose name ends in `-mt` holds the examples of another in machine-made English, under the same ids or row by row.
    Raises DataError for a missing file or column name, or a row that names no image.
    """
    _check_columns(name, block)
    files = {language: _by_split(where, base) for language, where in block.files.items()}
    sums = {str(path): _digest(name, path) for splits in files.values() for path in splits.values()}
    whole = any(ALL in splits for splits in files.values())
    layout = {
        "columns": dict(block.columns),
        "files": {lang: {split: sums[str(path)] for split, path in splits.items()} for lang, splits in files.items()},
    }
    if PROBLEMS[block.problem].images:
        layout["images"] = _images(sums, dict(block.columns), cache or cache_dir())
    return Task(
        name=name,
        problem=block.problem,
        suite=(),
        languages=tuple(files),
        sources=(Files(sums=sums, layout=json.dumps(layout, sort_keys=True)),),
        read=partial(_read, files, block.problem, dict(block.columns)),
        fractions=dict(block.fractions or FRACTIONS) if whole else None,
        fixed_shot_sizes={language: few_shot_sets(splits) for language, splits in files.items()},
        licence=block.licence,
        citation="",
        url="",
    )


def _check_columns(name: str, block: Block) -> None:
    problem = PROBLEMS[block.problem]
    known = (*problem.columns, *problem.optional_columns, *problem.label_columns, "id", "group")
    for field in problem.columns:
        if field not in block.columns:
            raise DataError(f"task {name!r}: a {block.problem} task needs `columns: {field}`", _columns_hint(known))
    for field in block.columns:
        if field not in known:
            raise DataError(f"task {name!r}: a {block.problem} task has no column {field!r}", _columns_hint(known))
    if not block.files:
        raise DataError(f"task {name!r} names no files", "give `files: {language: path}`")


def _columns_hint(known: tuple[str, ...]) -> str:
    return f"the columns are {', '.join(known)}"


def _by_split(where: str | Mapping[str, str], base: Path) -> dict[str, Path]:
    splits = {ALL: where} if isinstance(where, str) else where
    return {split: base / Path(path).expanduser() for split, path in splits.items()}


def _digest(name: str, path: Path) -> str:
    if not path.is_file():
        raise DataError(f"task {name!r}: there is no file {path}", "paths are relative to the recipe")
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"task {name!r}: {path} cannot be read", f"use {', '.join(SUFFIXES)}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _images(sums: Mapping[str, str], columns: Mapping[str, str], cache: Path) -> str:
    """Sha256 of where the images on this machine lie, and of what they hold."""
    named = sorted(
        {image for path, digest in sums.items() for image in _local_images(Path(path), digest, columns, cache)}
    )
    held = {image: sha256_of(Path(image), cache) if Path(image).is_file() else None for image in named}
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()


def _local_images(table: Path, digest: str, columns: Mapping[str, str], cache: Path) -> list[str]:
    """The files that the images of a table lie in. A table is read once for that, until it changes."""

    def found() -> str:
        references = {image for line, row in rows(table) for image in Cells(table, line, row, columns).images()}
        return json.dumps(sorted({str(path) for image in references if (path := local_file(image))}))

    return json.loads(cached_text("images", [str(table.resolve()), digest, json.dumps(columns)], cache, found))


def _read(
    files: Mapping[str, Mapping[str, Path]],
    problem: ProblemName,
    columns: Mapping[str, str],
    paths: Paths,
    language: str,
) -> dict[str, Iterator[Example]]:
    return {split: _examples(path, split, problem, columns, language) for split, path in files[language].items()}


def _examples(
    path: Path, split: str, problem: ProblemName, columns: Mapping[str, str], language: str
) -> Iterator[Example]:
    read = PROBLEMS[problem].read
    for line, row in rows(path):
        yield read(Cells(path, line, row, columns), f"{split.removesuffix(TRANSLATED)}-{line}", language)
