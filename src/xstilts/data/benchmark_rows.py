"""Reads the examples of a benchmark: rows of its files, groups of the rows, examples."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xstilts.config.splits import SHOTS, TRANSLATED
from xstilts.data import hub_data
from xstilts.data.benchmark_splits import ENGLISH, SplitSource
from xstilts.errors import DataError
from xstilts.formats.parquet import stored_parquet_rows
from xstilts.formats.tables import Row
from xstilts.problems import Example
from xstilts.problems.cells import FileRow, as_list
from xstilts.tasks.benchmark import Benchmark, Fields, unchanged
from xstilts.tasks.task import Paths, Task

NumberedRow = tuple[Path, int, Row]
"""A row with its file and line. The columns are named like the fields of an example."""


class ReadSplits(dict[str, Iterator[Example]]):
    """Examples by split. `rows_left_out` are the numbers of published rows that are no examples, for instance because
    they have no label."""

    def __init__(self, splits: Mapping[str, Iterator[Example]], rows_left_out: Mapping[str, int]) -> None:
        super().__init__(splits)
        self.rows_left_out = rows_left_out


_TEXTS = ("text", "pair", "prompt", "question", "context", "image", "title", "unit")
_LABELS = ("tags", "partners", "answer_text")
_LISTS_OF_TEXTS = ("words", "choices", "images", *_LABELS)
LAYOUT_HINT = "the file does not have the benchmark's published layout; download it again"


def read_language(
    task: Task,
    benchmark: Benchmark,
    sources: Mapping[str, Sequence[SplitSource]],
    cache: Path,
    offline: bool,
    paths: Paths,
    language: str,
) -> ReadSplits:
    """The examples of a language by split; `sources` are the split sources of every language.

    With a pivot, a row gets the group of its English counterpart, or a group of its own if it has none. Counterparts of
    native files are native files, never on the Hub. Raises DataError with file and line for malformed rows, SourceError
    if the Hub cannot be reached.
    """
    rows_left_out: Counter[str] = Counter()
    rows_by_split = _rows_by_split(sources[language], language, cache, offline, rows_left_out)
    groups = _groups(benchmark, rows_by_split)
    if benchmark.pivot is not None and language != ENGLISH:
        locations = {bool(source.native) for source in sources[language]}
        english_sources = [source for source in sources.get(ENGLISH, ()) if bool(source.native) in locations]
        english_rows = _rows_by_split(english_sources, ENGLISH, cache, offline)
        english_groups = _groups(benchmark, english_rows)
        groups = {
            split: _pivot_groups(
                benchmark,
                numbered,
                english_rows.get(split, ()),
                [f"{language}:{group}" for group in groups[split]],
                english_groups.get(split, ()),
            )
            for split, numbered in rows_by_split.items()
        }
    splits = {
        split: _examples(task, split, numbered, groups[split], language) for split, numbered in rows_by_split.items()
    }
    return ReadSplits(splits, rows_left_out)


def _rows_by_split(
    sources: Sequence[SplitSource],
    language: str,
    cache: Path,
    offline: bool,
    rows_left_out: Counter[str] | None = None,
) -> dict[str, list[NumberedRow]]:
    """The rows of each split. Counts rows that are no example in `rows_left_out`."""
    rows_by_split: dict[str, list[NumberedRow]] = {}
    for source in sources:
        split_rows = rows_by_split.setdefault(source.split, [])
        for examples in _rows(source, language, cache, offline):
            split_rows += examples
            if not examples and rows_left_out is not None:
                rows_left_out[source.split] += 1
    return rows_by_split


def _rows(source: SplitSource, language: str, cache: Path, offline: bool) -> Iterator[list[NumberedRow]]:
    """For each row its examples, by the names of their fields: none, one or (on the Hub) several."""
    fields: tuple[Fields, ...] = (unchanged,)
    if source.native is not None:
        fields = (source.native.fields,)
    elif source.hub is not None:
        fields = (source.hub.fields, *source.hub.more_fields)
    for path, line, row in _raw_rows(source, language, cache, offline):
        renamed = (_rename_fields(path, line, row, rename) for rename in fields)
        yield [(path, line, example) for example in renamed if example is not None]


def _raw_rows(source: SplitSource, language: str, cache: Path, offline: bool) -> Iterator[NumberedRow]:
    if source.native is not None:
        for path in source.paths:
            yield from ((path, line, row) for line, row in source.native.read(path))
    if source.hub is not None:
        for path in hub_data.parquet_files(source.hub, source.split, language, cache=cache, offline=offline):
            stored = stored_parquet_rows(path)
            yield from ((path, line, row) for line, row in stored if source.hub.keep(row, language))


def _rename_fields(path: Path, line: int, row: Row, rename: Fields) -> Row | None:
    """Raises DataError with file and line if a field is missing, or a text is a number, list or object."""
    try:
        if (renamed := rename(row)) is not None:
            _check_types(renamed)
        return renamed
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FileRow(path, line, row, {}).error(f"the row cannot be read: {reason}", LAYOUT_HINT) from None


def _check_types(row: Row) -> None:
    """Raises ValueError if a text is missing, or a number, list or object. Labels may be missing."""
    for name in _TEXTS:
        if not isinstance(row.get(name, ""), str):
            raise ValueError(f"`{name}` is {row[name]!r}, not a text")
    for name in _LISTS_OF_TEXTS:
        value = row.get(name, ())
        missing = value is None and name not in _LABELS
        if missing or not all(isinstance(text, str) for text in as_list(value)):
            raise ValueError(f"`{name}` is {value!r}, not a list of texts")


def _groups(benchmark: Benchmark, rows_by_split: Mapping[str, Sequence[NumberedRow]]) -> dict[str, list[str]]:
    """The group of every row, computed over all splits together and returned by split."""
    rows = [row for numbered in rows_by_split.values() for _, _, row in numbered]
    try:
        groups = iter(benchmark.groups(rows))
    except (KeyError, TypeError, AttributeError) as error:
        paths = dict.fromkeys(str(path) for numbered in rows_by_split.values() for path, _, _ in numbered)
        raise DataError(f"{', '.join(paths)}: a row has no usable {error}", LAYOUT_HINT) from None
    return {split: [next(groups) for _ in numbered] for split, numbered in rows_by_split.items()}


def _pivot_groups(
    benchmark: Benchmark,
    numbered: Sequence[NumberedRow],
    english_rows: Sequence[NumberedRow],
    unpaired_groups: Sequence[str],
    english_groups: Sequence[str],
) -> list[str]:
    if benchmark.pivot == "position":
        return list(english_groups if len(numbered) == len(english_rows) else unpaired_groups)
    group_by_id = {row["id"]: group for (_, _, row), group in zip(english_rows, english_groups, strict=True)}
    return [group_by_id.get(row["id"], group) for (_, _, row), group in zip(numbered, unpaired_groups, strict=True)]


def _examples(
    task: Task, split: str, numbered: Sequence[NumberedRow], groups: Sequence[str], language: str
) -> Iterator[Example]:
    read, allowed_labels = task.spec.read, set(task.labels)
    for number, ((path, line, row), group) in enumerate(zip(numbered, groups, strict=True)):
        if allowed_labels and row["label"] not in allowed_labels and (split == "train" or split.startswith(SHOTS)):
            continue
        fields = {**row, "group": group}
        cells = FileRow(path, line, fields, {name: name for name in fields if fields[name] is not None})
        yield read(cells, f"{split.removesuffix(TRANSLATED)}-{number}", language)
