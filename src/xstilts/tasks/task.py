"""What a task is."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xstilts.cache.sources import Files, HubData, Library, Source, Wheel
from xstilts.problems import PROBLEMS, Example, Problem, ProblemName
from xstilts.tasks.benchmark import Benchmark

Paths = Mapping[str, Path]
"""Where each wheel of a task lies, by package name."""

Fractions = Mapping[str, float]


def _unbound(paths: Paths, language: str) -> Mapping[str, Iterable[Example]]:
    raise TypeError("a benchmark's task is read after it was bound to a data root or to the Hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A data set with a problem, languages, splits, sources, licence, metric and citation.

    `read(paths, language)` gives the examples of a language, in a fixed order, by native split. A task without
    native splits gives one, named "all", whose groups `xstilts.data.splits` then assigns by `fractions`; one with
    native splits may pool some of them to be assigned anew (`pool`).
    `sizes[language][split]` are the counts of examples that a test has verified, or that the publisher states.
    """

    name: str
    problem: ProblemName
    suite: tuple[str, ...]
    languages: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    read: Callable[[Paths, str], Mapping[str, Iterable[Example]]] = field(default=_unbound, repr=False)
    fractions: Fractions | None = None
    pool: tuple[str, ...] = ()
    """Native splits that are thrown together and assigned anew; none: `fractions` apply to the split "all"."""
    benchmark: Benchmark | None = field(default=None, repr=False)
    """Where the data of a published benchmark lie; `xstilts.data.benchmark_files.bind` turns it into sources."""
    sources_by_language: Mapping[str, tuple[Source, ...]] = field(default_factory=dict, repr=False)
    """What the examples of a language depend on, where that is not all of `sources`."""
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """The splits that are at hand by language, where that is known without reading."""
    metrics: tuple[str, ...] = ()
    """Names in `xstilts.metrics`, the one of tables and contrasts first; those of the problem if empty."""
    normaliser: Literal["squad", "mlqa"] = "squad"
    """How answers are compared: by SQuAD's English rules in every language, or by MLQA's own for each."""
    licence: str
    citation: str
    url: str
    weaknesses: tuple[str, ...] = ()
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)
    images: tuple[str, ...] = ()
    """The collections that the pictures of its examples are of, such as "openmoji"."""
    item_flags: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Marks that the id of an example may end in (`1F355#same`), each with what it says of the example; scores are
    reported with and without those that bear one."""
    fixed_shot_sizes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """The few-shot sets that its publishers fixed, by language: "25" is the split `shots-25`, of as many images,
    concepts or pairs as they count. They are subsets of one another and of other splits, under the same ids."""
    retrieval_pool_size: Mapping[str, int] = field(default_factory=dict, repr=False)
    """How many images a caption of the test set has to choose from, by language."""
    labels: tuple[str, ...] = field(default=(), repr=False)
    """Its classes, where its publishers fix them; otherwise they are those of the training data."""
    rows_per_item: float | None = None
    """Rows of the published test set for each item of ours, where rows without label are left out: `iglue_compat` is
    the share of right ones among all of those rows."""
    split_family: str = ""
    """Tasks of one family share the salt of their split: a group falls on the same side in all of them."""
    shots_unit: Literal["group"] | None = None
    """What k counts in draws of shots, where it is not examples of each class (items, where there are no classes):
    groups, such as images with all their questions."""
    code_version: int = 1
    """Raised when the reader changes what it yields, so that cached results are not reused."""

    @property
    def spec(self) -> Problem:
        return PROBLEMS[self.problem]

    @property
    def scores(self) -> tuple[str, ...]:
        """The metrics that are computed."""
        return self.metrics or self.spec.metrics

    @property
    def metric(self) -> str:
        return self.scores[0]

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        return tuple(source for source in self.sources if isinstance(source, Wheel))

    def fingerprint(self, language: str) -> str:
        """Sha256 of all that decides which examples a split of a language holds; nothing is read for it."""
        parts = [
            self.name,
            self.problem,
            self.code_version,
            self.split_family,
            sorted((self.fractions or {}).items()),
            *([self.pool] if self.pool else []),
            *([f"shots by {self.shots_unit}"] if self.shots_unit else []),
            [_pin(source) for source in self.sources_by_language.get(language, self.sources)],
        ]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def flagged_id(name: str, flag: str) -> str:
    """The id of an example that bears a mark."""
    return f"{name}#{flag}"


def item_flag_of(task: Task, item: str) -> str | None:
    """The mark that the id of an example bears, if it bears one of its task's."""
    name, _, flag = item.rpartition("#")
    return flag if name and flag in task.item_flags else None


def groups_comparable(task: Task, other: Task) -> bool:
    """Whether the groups of both mean the same, so that what they share can be told."""
    return task.name == other.name or bool(task.split_family and task.split_family == other.split_family)


def measured_sizes(name: str) -> Mapping[str, Mapping[str, int]]:
    """The counts of examples of a shipped task by language and split, from the file beside this one."""
    sizes = json.loads(Path(__file__).with_name("sizes.json").read_text(encoding="utf-8"))
    return sizes.get(name, {})


def published_sizes(name: str) -> Mapping[str, Mapping[str, int]]:
    """The counts that a benchmark's publishers state, by language and split."""
    sizes = json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8"))
    return sizes.get(name, {})


def _pin(source: Source) -> list[str]:
    match source:
        case HubData():
            return [source.repository, source.commit or f"unresolved {source.revision}"]
        case Wheel():
            return [source.package, source.version, source.sha256]
        case Library():
            return [source.package, source.version]
        case Files():
            return [source.layout, *(digest for _, digest in sorted(source.sums.items()))]
