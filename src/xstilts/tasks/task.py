"""The definition of a task."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xstilts.cache.sources import Files, HubData, Library, Source, Wheel
from xstilts.problems import PROBLEMS, Example, Problem, ProblemName
from xstilts.problems.base import NormaliserName
from xstilts.tasks.benchmark import Benchmark

Paths = Mapping[str, Path]
"""The local path of each wheel of a task, by package name."""

Fractions = Mapping[str, float]


def _unbound(paths: Paths, language: str) -> Mapping[str, Iterable[Example]]:
    raise TypeError("a benchmark's task must be bound to a data root or the Hub before it is read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A data set with its problem, languages, splits, sources, licence, metrics and citation.

    `read(paths, language)` returns the examples of a language by native split, in a fixed order. A task without native
    splits returns one split named "all", whose groups `xstilts.data.splits` assigns to splits by `fractions`; a task
    with native splits may pool some of them and assign them again (`pool`). `sizes[language][split]` are numbers of
    examples, verified by a test or stated by the publisher.
    """

    name: str
    problem: ProblemName
    suite: tuple[str, ...]
    languages: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    read: Callable[[Paths, str], Mapping[str, Iterable[Example]]] = field(default=_unbound, repr=False)
    fractions: Fractions | None = None
    pool: tuple[str, ...] = ()
    """Native splits that are pooled and assigned again. If empty, `fractions` apply to the split "all"."""
    benchmark: Benchmark | None = field(default=None, repr=False)
    """Where to find the data of a published benchmark; `xstilts.data.benchmark_files.bind` turns it into sources."""
    sources_by_language: Mapping[str, tuple[Source, ...]] = field(default_factory=dict, repr=False)
    """The sources of each language, if a language does not need all of `sources`."""
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """The available splits by language, if known without reading the data."""
    metrics: tuple[str, ...] = ()
    """Names of metrics in `xstilts.metrics`, the main one first; if empty, those of the problem."""
    normaliser: NormaliserName = "squad"
    """How answers are compared: by SQuAD's English rules for all languages, of version 1.1 or 2.0, or by MLQA's
    language-specific rules."""
    licence: str
    citation: str
    url: str
    weaknesses: tuple[str, ...] = ()
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)
    images: tuple[str, ...] = ()
    """The image collections of its examples, such as "openmoji"."""
    item_flags: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Flags that example ids may end in (`1F355#same`), with descriptions; scores are reported with and without flagged
    items."""
    fixed_shot_sizes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """The sizes of the benchmark's fixed few-shot sets, by language: "25" is the split `shots-25`, counted in the
    benchmark's unit (images, concepts or pairs). The sets are nested, and subsets of other splits with the same ids."""
    retrieval_pool_size: Mapping[str, int] = field(default_factory=dict, repr=False)
    """The number of candidate images of the test set, by language."""
    labels: tuple[str, ...] = field(default=(), repr=False)
    """The classes, if the benchmark fixes them; otherwise they are taken from the training data."""
    pool_labels: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict, repr=False)
    """The classes that occur in each split to train or sample shots from, by language; only of a recipe's own tasks,
    and if it has shots."""
    rows_per_item: float | None = None
    """Published test rows per scored item, if rows without a label are dropped; `iglue_compat` counts these rows as
    wrong."""
    split_family: str = ""
    """Tasks of one family share the salt of their split, so a group is in the same split in all of them."""
    shots_unit: Literal["group"] | None = None
    """The unit of k in sampled shots: groups, such as images with all their questions. None: examples per class, or
    items if there are no classes."""
    code_version: int = 1
    """Increased when the reader's output changes, so that cached results are not reused."""

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

    def publishes(self, split: str) -> bool:
        """Whether a split is used as the benchmark's publishers made it; false for splits that are made here."""
        return self.benchmark is not None and split not in (self.fractions or ())

    def fingerprint(self, language: str) -> str:
        """SHA-256 of everything that determines the examples of each split of a language; no data are read."""
        fields = [
            self.name,
            self.problem,
            self.code_version,
            self.split_family,
            sorted((self.fractions or {}).items()),
            *([self.pool] if self.pool else []),
            *([f"shots by {self.shots_unit}"] if self.shots_unit else []),
            [_pin(source) for source in self.sources_by_language.get(language, self.sources)],
        ]
        return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()


def flagged_id(name: str, flag: str) -> str:
    """The id of a flagged example."""
    return f"{name}#{flag}"


def groups_comparable(task: Task, other: Task) -> bool:
    """Whether the groups of both tasks have the same meaning, so that overlaps can be detected."""
    return task.name == other.name or bool(task.split_family and task.split_family == other.split_family)


def overlap_as_published(task: Task, split: str, trained: Task, trained_split: str) -> bool:
    """Whether `trained_split` is trained on, `split` is scored, and any overlap is their publishers' choice."""
    published = task.publishes(split) and trained.publishes(trained_split)
    return published and task.name == trained.name and split != trained_split


def measured_sizes(name: str) -> Mapping[str, Mapping[str, int]]:
    """The verified numbers of examples of a shipped task, by language and split."""
    sizes = json.loads(Path(__file__).with_name("sizes.json").read_text(encoding="utf-8"))
    return sizes.get(name, {})


def published_sizes(name: str) -> Mapping[str, Mapping[str, int]]:
    """The numbers of examples that a benchmark's publishers state, by language and split."""
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
