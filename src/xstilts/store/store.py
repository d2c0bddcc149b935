"""Artifacts under the keys of their stages, for caching, resuming and provenance.

artifacts/<key>/   manifest.json, which contains its own checksum and those of the stage's files
drafts/            unfinished artifacts; renamed into artifacts/ when they are complete
damaged/           artifacts whose files do not match their manifest
locks/             one file for each stage that a process is working on
"""

import importlib.metadata
import json
import logging
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from xstilts.planning.specs import Spec
from xstilts.planning.stage import CorpusRead, SplitRead
from xstilts.platform import files, locks, memory
from xstilts.platform.folder_checksums import VERIFIED, FileDigest, digests_of, find_damage, mark_verified
from xstilts.platform.sealed import seal, unseal
from xstilts.store.facts import Facts

_MANIFEST = "manifest.json"
_UNREADABLE = "its manifest is missing or does not match its checksum"
_log = logging.getLogger("xstilts")


class Manifest(BaseModel):
    """The description of an artifact: its stage, inputs, environment, cost and files."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")
    key: str
    kind: str
    title: str
    spec: dict[str, Any]
    """The stage's settings."""
    inputs: tuple[str, ...]
    reads: tuple[SplitRead | CorpusRead, ...]
    """The data that the stage read; those with the role "train" must not be scored."""
    code_version: int
    facts: Facts
    """Facts that the stage's runner recorded."""
    environment: dict[str, str | int]
    seconds: float
    peak_memory_mb: float
    created: datetime
    files: dict[str, FileDigest]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files.values())


@dataclass(slots=True, kw_only=True)
class Draft:
    """An unfinished artifact. `facts` go into its manifest and must match the kind of the stage."""

    path: Path
    facts: Facts | None = None
    seconds: float | None = None
    """Replaces the measured time if the work was done before the draft was opened, or shared with other stages."""


@dataclass(frozen=True, slots=True)
class Store:
    root: Path

    def path(self, key: str) -> Path:
        return self.root / "artifacts" / key

    def keys(self) -> tuple[str, ...]:
        """The keys of all artifacts, unchecked."""
        folder = self.root / "artifacts"
        return tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()

    def manifest(self, key: str) -> Manifest | None:
        """The manifest of a valid artifact, or None. A damaged artifact is moved to damaged/ with a warning.

        Checksums of files are recomputed only if their size, modification time or change time differs from the last
        check; the manifest's own checksum is always recomputed. Raises OSError if the artifact cannot be read.
        """
        if not self.path(key).exists():
            return None
        manifest = self.peek(key)
        damage = find_damage(self.path(key), manifest.files) if manifest else _UNREADABLE
        if damage is None:
            return manifest
        try:
            folder = self._folder("damaged")
            self.path(key).rename(folder / f"{key}.{time.time_ns()}")
        except FileNotFoundError:  # another process did it
            return None
        except OSError as error:
            _log.warning("artifact %s is damaged (%s) and cannot be moved: %s", key[:12], damage, error)
            return None
        _log.warning("artifact %s is damaged (%s): moved to %s; its stage will run again", key[:12], damage, folder)
        return None

    def peek(self, key: str) -> Manifest | None:
        """The manifest, or None if it is missing or its checksum is wrong. The files are not checked."""
        try:
            manifest = Manifest.model_validate_json(unseal((self.path(key) / _MANIFEST).read_bytes()))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
            return None
        return manifest if manifest.key == key else None

    def verify(self, key: str) -> str | None:
        """What is wrong with an artifact, or None. All files are read; the results of earlier checks are not used.

        The next call of `manifest` checks all files of a damaged artifact, too. Raises OSError if one cannot be read.
        """
        manifest = self.peek(key)
        if manifest is None:
            return _UNREADABLE
        damage = find_damage(self.path(key), manifest.files, trust_verified=False)
        if damage:
            with suppress(OSError):
                (self.path(key) / VERIFIED).unlink(missing_ok=True)
        return damage

    @contextmanager
    def draft(self, spec: Spec) -> Iterator[Draft]:
        """A temporary folder that becomes the artifact of `spec` when the block ends; deleted if the block raises."""
        with self.guard():
            folder = self._folder("drafts") / f"{spec.key}.{uuid4().hex}"
            folder.mkdir()  # unlike those of `tempfile`, it has the permissions of the umask
            descriptor = locks.lock_folder(folder)  # tells `gc` that the writer is alive
        started = time.perf_counter()
        memory.reset_peak()
        try:
            draft = Draft(path=folder)
            with files.named_errors(folder):
                yield draft
            seconds = time.perf_counter() - started if draft.seconds is None else draft.seconds
            files.apply_umask(folder)
            manifest = _manifest(spec, draft, seconds)
            with files.named_errors(folder):
                mark_verified(folder, manifest.files)
                (folder / _MANIFEST).write_bytes(seal(manifest.model_dump_json(indent=1)).encode())
            self._place(folder, spec.key)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            os.close(descriptor)

    def lock(self, key: str) -> locks.Lock:
        """Lock a stage until the lock is released or the process dies; waits until the lock is free."""
        return locks.acquire(self._folder("locks") / key)

    def try_lock(self, key: str) -> locks.Lock | None:
        """Lock a stage, or return None if another process holds the lock."""
        return locks.try_acquire(self._folder("locks") / key)

    def locked(self) -> dict[str, str]:
        """The keys of the stages that are being worked on, with the process of each."""
        paths = sorted((self.root / "locks").glob("*"))
        return {path.name: holder for path in paths if (holder := locks.holder(path))}

    def holder(self, key: str) -> str | None:
        """The process that is working on a stage, or None."""
        return locks.holder(self.root / "locks" / key)

    def guard(self) -> AbstractContextManager[None]:
        """A lock that prevents `gc` from seeing the folder of a draft before the draft is locked."""
        return files.locked(self._folder("drafts") / ".guard")

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _place(self, folder: Path, key: str) -> None:
        artifacts = self._folder("artifacts")
        while True:
            try:
                return files.rename_durably(folder, artifacts / key)
            except OSError as error:
                if not folder.is_dir() or not (artifacts / key).exists():
                    raise
                if self.manifest(key):  # another process was first, with the same result
                    return shutil.rmtree(folder)
                if (artifacts / key).exists():  # it is damaged and cannot be moved
                    raise error


def _manifest(spec: Spec, draft: Draft, seconds: float) -> Manifest:
    if draft.facts is None or draft.facts.kind != spec.kind:
        kind = draft.facts.kind if draft.facts else "no"
        raise TypeError(f"the runner of {spec.kind!r} recorded {kind} facts: {spec.title}")
    return Manifest(
        key=spec.key,
        kind=spec.kind,
        title=spec.title,
        spec=json.loads(json.dumps(asdict(spec), default=lambda model: model.model_dump(mode="json"))),
        inputs=spec.inputs,
        reads=spec.reads(),
        code_version=spec.code_version,
        facts=draft.facts,
        environment={**_machine(), "threads": spec.threads},
        seconds=seconds,
        peak_memory_mb=memory.peak_mb(),
        created=datetime.now(UTC),
        files=digests_of(draft.path),
    )


@cache
def _machine() -> dict[str, str | int]:
    packages = ("xstilts", "torch", "transformers", "tokenizers", "safetensors", "peft", "numpy")
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
        "platform": platform.platform(),
        "cpu": _cpu(),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
