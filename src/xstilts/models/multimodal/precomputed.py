"""Features of images that somebody else computed, in place of a vision encoder."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from xstilts.data.images import feature_files
from xstilts.errors import DataError, ImageError


class Precomputed:
    """What a `Gallery` gives, from a file: `.npy` with a list of references beside it, or `.safetensors` by reference.

    An image's features are [places, channels], or [channels] for one place. Nothing but what is asked for is read.
    """

    def __init__(self, path: Path) -> None:
        """Raises DataError where the file, or the list beside it, cannot be used."""
        self._path = path
        self._rows = _numbered(path) if path.suffix == ".npy" else _keyed(path)
        if not self._rows:
            raise DataError(f"{path} holds no features", "it needs those of one image at least")
        first = self._row(next(iter(self._rows)))
        self.places, self.channels = first.shape

    def pin(self, cache: Path) -> str:
        """What stands for these features in keys: sha256 sums of the files."""
        return feature_files.feature_file_digest(self._path, cache)

    def missing(self, references: Iterable[str]) -> dict[str, str]:
        """Those that the file has no features for, each with a sentence that says so."""
        absent = (reference for reference in dict.fromkeys(references) if reference not in self._rows)
        return {reference: f"{reference} is missing: {self._path} holds no features of it" for reference in absent}

    def tensor(self, references: Sequence[str]) -> Tensor:
        """[n, places, channels] float32. Raises ImageError for a reference without features, DataError for odd ones."""
        if absent := self.missing(references):
            raise ImageError(next(iter(absent.values())), "leave its examples out")
        return torch.from_numpy(np.stack([self._row(reference) for reference in references]))

    def _row(self, reference: str) -> npt.NDArray[np.float32]:
        rows = np.asarray(self._rows[reference], dtype=np.float32)
        rows = rows[None] if rows.ndim == 1 else rows
        expected = (getattr(self, "places", rows.shape[0]), getattr(self, "channels", rows.shape[-1]))
        if rows.shape != expected:
            raise DataError(
                f"{self._path}: the features of {reference} are {rows.shape}, those of the first image {expected}",
                "all images need as many places and channels",
            )
        if not np.isfinite(rows).all():
            raise DataError(f"{self._path}: the features of {reference} hold what is no number", "compute them again")
        return rows


class _Numbered(Mapping[str, npt.NDArray[np.generic]]):
    """Rows of an array on disk by the name of each."""

    def __init__(self, array: npt.NDArray[np.generic], names: Sequence[str]) -> None:
        self._array, self._at = array, {name: row for row, name in enumerate(names)}

    def __getitem__(self, name: str) -> npt.NDArray[np.generic]:
        return self._array[self._at[name]]

    def __iter__(self):
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)


class _Keyed(Mapping[str, Tensor]):
    """Tensors of a safetensors file by name."""

    def __init__(self, path: Path) -> None:
        self._file = safe_open(path, "pt")
        self._names = dict.fromkeys(self._file.keys())

    def __getitem__(self, name: str) -> Tensor:
        return self._file.get_tensor(name).float()

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self):
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _keyed(path: Path) -> _Keyed:
    try:
        return _Keyed(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} cannot be read: {error}", "features are .npy or .safetensors files") from None


def _numbered(path: Path) -> _Numbered:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}", "write it with numpy.save, as numbers") from None
    names = _names(path)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"the list of references beside {path} names {twice} twice", "name each image once")
    if array.ndim not in (2, 3) or array.dtype.kind != "f" or len(array) != len(names):
        raise DataError(
            f"{path} is {array.dtype} {array.shape}, with {len(names)} references beside it",
            "it needs fractions of the shape [images, places, channels] or [images, channels]",
        )
    return _Numbered(array, names)


def _names(path: Path) -> list[str]:
    beside = feature_files.reference_list(path)
    if beside is None:
        hint = f"write them into {path.with_suffix('.txt').name}, one a line"
        raise DataError(f"{path} has no list of references beside it", hint)
    text = beside.read_text(encoding="utf-8")
    try:
        names = json.loads(text) if beside.suffix == ".json" else text.splitlines()
    except ValueError as error:
        raise DataError(f"{beside} is no JSON: {error}", "it needs a list of references") from None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise DataError(f"{beside} is no list of references", "it needs one for each image, in the order of the array")
    return names
