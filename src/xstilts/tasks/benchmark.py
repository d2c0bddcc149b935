"""How a published benchmark is laid out: its own files below the data root, and its copy on the Hub.

Rows are mappings by the names of an example's fields: text, pair, label; prompt, choices, answer; question, context,
answer_text, answer_start; words, tags; text, english; text, english (whether it is), partners; and `id` where the
benchmark has unique ones; text, images, label; text, image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from xstilts.formats.benchmarks import Reader
from xstilts.formats.tables import Row
from xstilts.problems.cells import text_group

Fields = Callable[[Row], Row | None]
"""A row of a file by the names of an example's fields, or None where it is to be left out."""
Patterns = Mapping[str, str | tuple[str, ...]]
"""Glob patterns by split. All matches of the first pattern that matches are read; `{language}` is filled in."""


def unchanged(row: Row) -> Row:
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """Files as the benchmark's own download scripts leave them, below the data root.

    `english` are files of English alone, which mostly means the training data. `names` are the languages' names in
    the names of files, where those are not the codes.
    """

    read: Reader
    files: Patterns = field(default_factory=dict)
    english: Patterns = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    fields: Fields = unchanged
    every_pattern: bool = False
    """Whether the matches of all patterns of a split are read, not those of the first that matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Splits of a repository of the Hugging Face Hub that holds Parquet, by our names for them.

    `config` may hold `{language}`. `keep` says which rows are of a language, where a configuration mixes them.
    """

    repository: str
    config: str
    splits: Mapping[str, str]
    languages: tuple[str, ...] | None = None
    """Languages that are read from here; all of the task's if None."""
    names: Mapping[str, str] = field(default_factory=dict)
    revision: str = "main"
    fields: Fields = unchanged
    more_fields: tuple[Fields, ...] = ()
    """More examples that lie in the same row."""
    keep: Callable[[Row, str], bool] = lambda row, language: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """`groups` names the group of each row, given the rows of all splits of the English data (`pivot`), so that it is
    the same in every language; or of the language itself where there is no pivot.

    A row finds its English counterpart by its `id`, or by its `position` in the split.
    """

    hub: tuple[Hub, ...]
    groups: Callable[[Sequence[Row]], Sequence[str]]
    native: tuple[Native, ...] = ()
    """Layouts, the first that has a file for a split before the others."""
    pivot: Literal["id", "position"] | None = None
    concatenate_layouts: bool = False
    """Whether a split is what all native layouts have of it together."""
    labels: str = ""
    """The file below the data root that lists the classes; rows of other classes are scored, but never trained on."""


def group_by(*names: str) -> Callable[[Sequence[Row]], Sequence[str]]:
    """Groups of rows that have these fields in common."""
    return lambda rows: [text_group(*(_flat(row[name]) for name in names)) for row in rows]


def group_by_shared_text(*names: str) -> Callable[[Sequence[Row]], Sequence[str]]:
    """Groups of rows that are linked by having a text in common, in whichever of these fields."""

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
