"""Precomputed image features from a file, in place of a vision encoder."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from xstilts.data.images import feature_files
from xstilts.errors import DataError, ImageError
from xstilts.formats.content import read_text
from xstilts.formats.json_values import read_json


class Precomputed:
    """`ImageFeatures` from a file: `.npy` with a list of references next to it, or `.safetensors` keyed by reference.

    The features of an image are [tokens, channels], or [channels] for one token. They are read on demand.
    """

    def __init__(self, path: Path) -> None:
        """Raises DataError if the file or its list of references is invalid."""
        self._path = path
        self._rows = _open_npy(path) if path.suffix == ".npy" else _open_safetensors(path)
        if not self._rows:
            raise DataError(f"{path} has no features", "it needs the features of at least one image")
        first = self._row(next(iter(self._rows)))
        self.tokens, self.channels = first.shape

    def pin(self, cache: Path) -> str:
        """The SHA-256 sums of the files, for stage keys."""
        return feature_files.feature_file_digest(self._path, cache)

    def missing(self, references: Iterable[str]) -> dict[str, str]:
        """The references without features, with an error message each."""
        missing = (reference for reference in dict.fromkeys(references) if reference not in self._rows)
        return {reference: f"{reference} is missing: {self._path} has no features of it" for reference in missing}

    def tensor(self, references: Sequence[str]) -> Tensor:
        """[n, tokens, channels] float32. Raises ImageError for a missing reference, DataError for invalid features."""
        if errors := self.missing(references):
            raise ImageError(next(iter(errors.values())), "remove its examples")
        return torch.from_numpy(np.stack([self._row(reference) for reference in references]))

    def _row(self, reference: str) -> npt.NDArray[np.float32]:
        rows = np.asarray(self._rows[reference], dtype=np.float32)
        rows = rows[None] if rows.ndim == 1 else rows
        expected = (getattr(self, "tokens", rows.shape[0]), getattr(self, "channels", rows.shape[-1]))
        if rows.shape != expected:
            raise DataError(
                f"{self._path}: the features of {reference} have shape {rows.shape}, those of the first image "
                f"{expected}",
                "all images need the same number of tokens and channels",
            )
        if not np.isfinite(rows).all():
            raise DataError(f"{self._path}: the features of {reference} are not finite", "compute them again")
        return rows


class _NpyRows(Mapping[str, npt.NDArray[np.generic]]):
    """Rows of a memory-mapped array by name."""

    def __init__(self, array: npt.NDArray[np.generic], names: Sequence[str]) -> None:
        self._array, self._indices = array, {name: row for row, name in enumerate(names)}

    def __getitem__(self, name: str) -> npt.NDArray[np.generic]:
        return self._array[self._indices[name]]

    def __iter__(self):
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


class _SafetensorsRows(Mapping[str, Tensor]):
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


def _open_safetensors(path: Path) -> _SafetensorsRows:
    try:
        return _SafetensorsRows(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"cannot read {path}: {error}", "features are .npy or .safetensors files") from None


def _open_npy(path: Path) -> _NpyRows:
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # numpy raises many types for damaged headers
        raise DataError(f"cannot read {path}: {error}", "write it with numpy.save") from None
    names = _read_references(path)
    if len(set(names)) < len(names):
        duplicate = next(name for name in names if names.count(name) > 1)
        raise DataError(f"the list of references of {path} has {duplicate} twice", "list each image once")
    if array.ndim not in (2, 3) or array.dtype.kind != "f" or len(array) != len(names):
        raise DataError(
            f"{path} has dtype {array.dtype} and shape {array.shape}, its list has {len(names)} references",
            "it needs floating-point numbers of shape [images, tokens, channels] or [images, channels]",
        )
    return _NpyRows(array, names)


def _read_references(path: Path) -> list[str]:
    list_path = feature_files.reference_list(path)
    if list_path is None:
        hint = f"write them to {path.with_suffix('.txt').name}, one per line"
        raise DataError(f"{path} has no list of references next to it", hint)
    is_json = list_path.suffix == ".json"
    names = read_json(list_path, "it needs a list of references") if is_json else read_text(list_path).splitlines()
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise DataError(
            f"{list_path} is not a list of references", "it needs one for each image, in the order of the array"
        )
    return names
