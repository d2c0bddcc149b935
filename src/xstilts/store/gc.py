"""Removes what no recipe needs from a store."""

import shutil
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import UserError
from xstilts.store import locks
from xstilts.store.facts import TrainedFacts
from xstilts.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedArtifacts:
    """What went, or would go: bytes altogether, keys of artifacts, names of broken-off drafts and damaged artifacts."""

    bytes: int
    keys: tuple[str, ...]
    leftovers: tuple[str, ...]


def collect(store: Store, keep: Collection[str], dry_run: bool) -> RemovedArtifacts:
    """Remove artifacts that none of `keep` goes back to, drafts of dead processes, and damaged artifacts.

    Raises UserError while a process works in the store, because what it will need next is not known.
    """
    if not dry_run and (working := store.locked()):
        raise UserError(
            f"{next(iter(working.values()))} is working in the store {store.root}", "wait for it, or use --dry-run"
        )
    if not store.root.is_dir():
        return RemovedArtifacts(bytes=0, keys=(), leftovers=())
    with store.guard():
        kept = _ancestry(store, keep)
        artifacts = [store.path(key) for key in sorted(set(store.keys()) - kept)]
        leftovers = [*_abandoned(store), *sorted((store.root / "damaged").glob("*"))]
        swept = RemovedArtifacts(
            bytes=sum(_bytes(path) for path in (*artifacts, *leftovers)),
            keys=tuple(path.name for path in artifacts),
            leftovers=tuple(path.name for path in leftovers),
        )
        if not dry_run:
            _remove(store, artifacts, leftovers)
    return swept


def _ancestry(store: Store, keys: Iterable[str]) -> set[str]:
    """The keys and all that their artifacts were made from, or inherit tensors from."""
    reached: set[str] = set()
    ahead = list(keys)
    while ahead:
        key = ahead.pop()
        if key not in reached:
            reached.add(key)
            if manifest := store.peek(key):
                inherits = [manifest.facts.inherits] if isinstance(manifest.facts, TrainedFacts) else []
                ahead += [*manifest.inputs, *inherits]
    return reached


def _abandoned(store: Store) -> list[Path]:
    """Drafts whose writer no longer holds their lock."""
    drafts = sorted((store.root / "drafts").iterdir())
    return [path for path in drafts if path.is_dir() and not locks.is_held(path)]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove(store: Store, artifacts: Iterable[Path], leftovers: Iterable[Path]) -> None:
    """Artifacts leave their place whole, so that an interrupted sweep leaves none that is half there."""
    bin_ = Path(tempfile.mkdtemp(dir=store.root / "drafts", prefix="swept."))
    for path in (*artifacts, *leftovers):
        path.rename(bin_ / path.name)
    shutil.rmtree(bin_)
    for path in (store.root / "locks").glob("*"):
        if lock := locks.try_acquire(path):
            lock.release()
