"""Files with features of images that somebody else computed. No torch."""

from pathlib import Path

from xstilts.cache.checksums import sha256_of


def list_beside(path: Path) -> Path | None:
    """The list of references that belongs to an array, .txt or .json; None for a file that needs none, or lacks it."""
    if path.suffix != ".npy":
        return None
    return next((found for suffix in (".txt", ".json") if (found := path.with_suffix(suffix)).is_file()), None)


def pin(path: Path, cache: Path) -> str:
    """What stands for the features in keys: sha256 sums of the file and of the list beside it."""
    return "-".join(sha256_of(file, cache) for file in (path, list_beside(path)) if file)
