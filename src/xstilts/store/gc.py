"""Removes artifacts that no recipe needs from a store."""

import shutil
import tempfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import UserError
from xstilts.platform import locks
from xstilts.store.facts import TrainedFacts
from xstilts.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedArtifacts:
    """What was removed, or would be in a dry run. `leftovers` are unfinished drafts and damaged artifacts, `cache` the
    paths of what killed processes left in the cache."""

    bytes: int
    keys: tuple[str, ...]
    leftovers: tuple[str, ...]
    cache: tuple[str, ...] = ()


def collect(store: Store, keep: Collection[str], dry_run: bool) -> RemovedArtifacts:
    """Remove artifacts that no artifact in `keep` depends on, drafts of dead processes, and damaged artifacts.

    Raises UserError while a process works in the store, because its next inputs are not known.
    """
    if not dry_run and (working := store.locked()):
        raise UserError(
            f"{next(iter(working.values()))} is working in the store {store.root}", "wait for it, or use --dry-run"
        )
    if not store.root.is_dir():
        return RemovedArtifacts(bytes=0, keys=(), leftovers=())
    with store.guard():
        artifacts = [store.path(key) for key in sorted(set(store.keys()) - _with_ancestors(store, keep))]
        drafts = sorted((store.root / "drafts").iterdir())
        abandoned = [path for path in drafts if path.is_dir() and not locks.is_held(path)]
        leftovers = [*abandoned, *sorted((store.root / "damaged").glob("*"))]
        removed = RemovedArtifacts(
            bytes=sum(map(_size, (*artifacts, *leftovers))),
            keys=tuple(path.name for path in artifacts),
            leftovers=tuple(path.name for path in leftovers),
        )
        if not dry_run:
            _remove(store, artifacts, leftovers)
    return removed


def _with_ancestors(store: Store, keys: Iterable[str]) -> set[str]:
    """The keys, their inputs and the artifacts that they inherit tensors from, recursively."""
    visited: set[str] = set()
    queue = list(keys)
    while queue:
        key = queue.pop()
        if key not in visited:
            visited.add(key)
            if manifest := store.peek(key):
                inherited = [manifest.facts.inherits] if isinstance(manifest.facts, TrainedFacts) else []
                queue += [*manifest.inputs, *inherited]
    return visited


def _size(folder: Path) -> int:
    size = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # another process has removed it
            size += file.stat().st_size if file.is_file() else 0
    return size


def _remove(store: Store, artifacts: Iterable[Path], leftovers: Iterable[Path]) -> None:
    """Folders are moved away before they are deleted, so an interrupt leaves no partial artifact."""
    trash = Path(tempfile.mkdtemp(dir=store.root / "drafts", prefix="swept."))
    for path in (*artifacts, *leftovers):
        path.rename(trash / path.name)
    shutil.rmtree(trash)
    for path in (store.root / "locks").glob("*"):
        if lock := locks.try_acquire(path):
            lock.release()
