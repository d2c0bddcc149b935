"""The layout of a published benchmark: its native files below the data root, and its copy on the Hub.

Rows are mappings from field names of an example to values, by problem: text, pair, label; prompt, choices, answer;
question, context, answer_text, answer_start; words, tags; text, english; text, english (true or false), partners; text,
images, label; text, image. They have an `id` if the benchmark has unique ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from xstilts.formats.benchmarks import Reader
from xstilts.formats.tables import Row
from xstilts.problems.cells import text_group

Fields = Callable[[Row], Row | None]
"""Maps a raw row to a row with the fields of an example, or to None to skip it."""
Patterns = Mapping[str, str | tuple[str, ...]]
"""Glob patterns by split; `{language}` is filled in. All files of the first pattern with a match are read."""


LABELS_ON_HUB = "the copy on the Hub, which is read if the data root has no files of the language"
"""`Benchmark.labels_from` of tasks whose published files have another layout."""


def unchanged(row: Row) -> Row:
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """Files below the data root, as the benchmark's download scripts store them.

    `english` are English-only files, usually the training data. `names` are the languages' names in file names, if
    these are not the language codes.
    """

    read: Reader
    files: Patterns = field(default_factory=dict)
    english: Patterns = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    fields: Fields = unchanged
    every_pattern: bool = False
    """Whether the files of all patterns of a split are read, instead of those of the first with a match."""
    has_labels: bool = True
    """False for a layout that is recognised only to say that it has no labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A repository on the Hugging Face Hub with Parquet files; `splits` maps our split names to its names.

    `config` may contain `{language}`. `keep(row, language)` selects rows if a configuration mixes languages.
    """

    repository: str
    config: str
    splits: Mapping[str, str]
    languages: tuple[str, ...] | None = None
    """Languages that are read from this repository; None means all."""
    names: Mapping[str, str] = field(default_factory=dict)
    revision: str = "main"
    fields: Fields = unchanged
    more_fields: tuple[Fields, ...] = ()
    """Functions for further examples in the same row."""
    keep: Callable[[Row, str], bool] = lambda row, language: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """`groups` returns the group of each row. With a `pivot` it is applied to the English rows of all splits, so that
    translations share a group; without one, to the rows of each language.

    The pivot says how a row is matched to its English counterpart: by `id`, or by `position` in the split.
    """

    hub: tuple[Hub, ...]
    groups: Callable[[Sequence[Row]], Sequence[str]]
    native: tuple[Native, ...] = ()
    """Layouts; a split is read from the first layout that has files for it."""
    pivot: Literal["id", "position"] | None = None
    concatenate_layouts: bool = False
    """Whether a split is the concatenation of all native layouts."""
    labels_from: str = ""
    """Where to get files with labels, if a download script removes the labels of the test files."""
    labels: str = ""
    """A file below the data root that lists the classes. Rows of other classes are scored, but not used for
    training."""


def group_by(*names: str) -> Callable[[Sequence[Row]], Sequence[str]]:
    """Group rows by equal values of these fields."""
    return lambda rows: [text_group(*(_flat(row[name]) for name in names)) for row in rows]


def group_by_shared_text(*names: str) -> Callable[[Sequence[Row]], Sequence[str]]:
    """Group rows that are connected by a shared text in any of these fields (connected components)."""

    def groups(rows: Sequence[Row]) -> Sequence[str]:
        parent: dict[str, str] = {}

        def root(text: str) -> str:
            while (above := parent.setdefault(text, text)) != text:
                parent[text] = parent[above]
                text = above
            return text

        keys = [[text_group(str(row[name])) for name in names] for row in rows]
        for first, *others in keys:
            for other in others:
                low, high = sorted((root(first), root(other)))
                parent[high] = low
        return [root(first) for first, *_ in keys]

    return groups


def _flat(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
