"""Reads all files of a store and compares them with their checksums."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xstilts.platform.sealed import unseal
from xstilts.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A damaged artifact (a folder) or a damaged record of a recipe (a file)."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was read, and what of it is damaged. `bytes` counts the files of the artifacts that are not damaged."""

    artifacts: int
    recipes: int
    bytes: int
    damaged: tuple[Damage, ...]


def verify(store: Store) -> Verification:
    """Read every file of every artifact, and every recorded recipe, whether it looks changed or not."""
    keys, notes = store.keys(), sorted((store.root / "runs").glob("*.json"))
    damaged_artifacts = list(_damaged_artifacts(store, keys))
    damaged_keys = {damage.path.name for damage in damaged_artifacts}
    manifests = (store.peek(key) for key in keys if key not in damaged_keys)
    return Verification(
        artifacts=len(keys),
        recipes=len(notes),
        bytes=sum(manifest.bytes for manifest in manifests if manifest),
        damaged=(*damaged_artifacts, *filter(None, map(_damaged_note, notes))),
    )


def _damaged_artifacts(store: Store, keys: tuple[str, ...]) -> Iterator[Damage]:
    for key in keys:
        try:
            reason = store.verify(key)
        except OSError as error:
            reason = f"{error.filename or store.path(key)} cannot be read: {error.strerror}"
        if reason and store.path(key).exists():  # another process may have moved it
            yield Damage(path=store.path(key), reason=reason)


def _damaged_note(path: Path) -> Damage | None:
    try:
        unseal(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        return Damage(path=path, reason=f"it cannot be read: {error.strerror}")
    except ValueError as error:
        return Damage(path=path, reason=str(error))
    return None
