"""Files with precomputed image features. Imports no torch."""

from pathlib import Path

from xstilts.cache.checksums import sha256_of


def reference_list(path: Path) -> Path | None:
    """The .txt or .json file with the image references of a .npy array; None if it is missing or not needed."""
    if path.suffix != ".npy":
        return None
    return next((candidate for suffix in (".txt", ".json") if (candidate := path.with_suffix(suffix)).is_file()), None)


def feature_file_digest(path: Path, cache: Path) -> str:
    """The SHA-256 sums of the feature file and of its reference list, for cache keys."""
    return "-".join(sha256_of(file, cache) for file in (path, reference_list(path)) if file)
