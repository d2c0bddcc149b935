"""Features of images, computed once for each frozen encoder and shared by every language, draw and arm."""

import hashlib
import io
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from xstilts.data.images import ImageLocations
from xstilts.data.images.decode import image_from_bytes
from xstilts.data.images.read import read_bytes
from xstilts.encoders.pins import halves
from xstilts.errors import DataError, ImageError
from xstilts.models.multimodal.dual.vision import DualVision
from xstilts.models.multimodal.vision import Vision, load_vision, prepare_vision
from xstilts.platform.files import write_file

BATCH = 16
"""Images that are encoded together. The last batch is filled up: rounding hangs on how many there are."""
_READERS = 4
_LARGEST = 65504.0
"""Of float16."""
_EPOCH = 1
"""Raised when the same image gives other features."""

Features = npt.NDArray[np.float16]


class ImageFeatures(Protocol):
    """Features of images by reference, whoever makes them."""

    @property
    def channels(self) -> int: ...
    @property
    def places(self) -> int:
        """Of each image."""
        ...

    def missing(self, references: Iterable[str]) -> dict[str, str]: ...
    def tensor(self, references: Sequence[str]) -> Tensor: ...


class ImageFeatureCache:
    """Images by reference as features [grid * grid, channels], kept on disk and in memory as float16.

    A file in `places.cache` holds those of one image, named by the encoder's pin, size, grid and the image's bytes.
    """

    def __init__(
        self,
        vision: str,
        pin: str,
        *,
        size: int,
        grid: int,
        places: ImageLocations,
        memory: int = 2**30,
        pooled: bool = False,
    ) -> None:
        """`vision` and `pin` are those of a vision encoder or of `TEXT+VISION`; `memory` is in bytes.

        With `pooled`, those of a dual encoder, whose features are one pooled state of each image.
        """
        _, self._pin = halves(vision, pin)[-1]
        self._name, self._size, self._grid, self._places = vision, size, grid, places
        self._pooled = pooled
        key = _digest(f"{self._pin} {size} {'pooled' if pooled else grid} {_EPOCH}".encode())[:16]
        self._folder = places.cache / "images" / "features" / key
        self._shelf = _FeatureFiles(memory)
        self._files: dict[str, Path] = {}
        self._refused: dict[str, str] = {}
        self._loaded: Vision | None = None
        self._lock = threading.Lock()

    @property
    def vision(self) -> Vision:
        """The encoder, loaded when it is first needed: not where all features are there."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Vision:
        where = self._places
        if self._pooled:
            return DualVision(prepare_vision(self._name, cache=where.cache, offline=where.offline, revision=self._pin))
        return load_vision(self._name, cache=where.cache, offline=where.offline, revision=self._pin)

    @property
    def channels(self) -> int:
        return self.vision.channels

    @property
    def places(self) -> int:
        return 1 if self._pooled else self._grid**2

    def missing(self, references: Iterable[str]) -> dict[str, str]:
        """Why those images that cannot be used cannot, by reference; the features of all others are there afterwards.

        An image is looked at once: what was found missing stays so for this gallery.
        """
        asked = list(dict.fromkeys(references))
        new = [reference for reference in asked if reference not in self._files and reference not in self._refused]
        if new:
            self._look_at(new)
        return {reference: self._refused[reference] for reference in asked if reference in self._refused}

    def tensor(self, references: Sequence[str]) -> Tensor:
        """[n, grid * grid, channels] float32. Raises ImageError that names the first image that cannot be used."""
        if wrong := self.missing(references):
            raise ImageError(next(iter(wrong.values())), "leave its examples out")
        return torch.from_numpy(np.stack([self._features(reference) for reference in references])).float()

    def _look_at(self, references: Sequence[str]) -> None:
        """Encode those whose features are not on disk."""
        with ThreadPoolExecutor(_READERS) as readers:
            waiting: list[tuple[str, Image.Image]] = []
            for pair in self._absent(references, readers):
                waiting.append(pair)
                if len(waiting) == BATCH:
                    self._encode(waiting)
                    waiting = []
            if waiting:
                self._encode(waiting)

    def _absent(self, references: Sequence[str], readers: ThreadPoolExecutor) -> Iterator[tuple[str, Image.Image]]:
        """The pictures whose features are not on disk; what cannot be used is noted."""
        for start in range(0, len(references), 2 * BATCH):
            some = references[start : start + 2 * BATCH]
            for reference, found in zip(some, readers.map(self._look, some), strict=True):
                if isinstance(found, Path) and not self._kept(reference, found):
                    found.unlink(missing_ok=True)
                    found = self._look(reference)
                match found:
                    case ImageError():
                        self._refused[reference] = str(found)
                    case Path():
                        self._files[reference] = found
                    case path, picture:
                        self._files[reference] = path
                        yield reference, picture

    def _look(self, reference: str) -> ImageError | Path | tuple[Path, Image.Image]:
        try:
            data = read_bytes(reference, self._places)
            name = _digest(_shown(reference).encode() + data)
            path = self._folder / name[:2] / f"{name}.npy"
            return path if path.is_file() else (path, self._small(data, reference))
        except ImageError as error:
            return error

    def _kept(self, reference: str, path: Path) -> bool:
        """Whether the file holds features, which are then in memory as far as they fit.

        Not for the readers: numpy parses a header as Python does, and Python 3.11 fails where several threads parse at
        once (python/cpython#106905).
        """
        found = _read(path)
        if found is not None:
            self._shelf.put(reference, found)
        return found is not None

    def _small(self, data: bytes, reference: str) -> Image.Image:
        """Resized at once, as the encoder would: many large photographs do not lie in memory together."""
        picture = image_from_bytes(data, reference, self._size)
        if isinstance(self.vision, DualVision):
            return self.vision.small(picture)
        return picture.resize((self._size, self._size), self.vision.filter)

    def _encode(self, some: Sequence[tuple[str, Image.Image]]) -> list[Features]:
        pictures = [picture for _, picture in some]
        pictures += [Image.new("RGB", (self._size, self._size))] * (BATCH - len(some))
        encoded = self.vision.features(pictures, self._size, self._grid)[: len(some)]
        if not encoded.isfinite().all():
            raise DataError(
                f"{self._name} gives features that are no numbers for one of {', '.join(name for name, _ in some)}",
                "its weights are damaged, or do not fit their configuration",
            )
        found = list(encoded.clamp(-_LARGEST, _LARGEST).half().numpy())
        for (reference, _), one in zip(some, found, strict=True):
            _write(self._files[reference], one)
            self._shelf.put(reference, one)
        return found

    def _features(self, reference: str) -> Features:
        kept = self._shelf.get(reference)
        if kept is None:
            kept = _read(self._files[reference])
        if kept is None:  # damaged or removed since it was looked at
            (kept,) = self._encode([(reference, self._small(read_bytes(reference, self._places), reference))])
        self._shelf.put(reference, kept)
        return kept


class _FeatureFiles:
    """What fits into the memory, first come first kept: epochs read the same images again and again."""

    def __init__(self, memory: int) -> None:
        self._left = memory
        self._kept: dict[str, Features] = {}

    def get(self, reference: str) -> Features | None:
        return self._kept.get(reference)

    def put(self, reference: str, features: Features) -> None:
        if reference not in self._kept and features.nbytes <= self._left:
            self._left -= features.nbytes
            self._kept[reference] = features.copy()


def _shown(reference: str) -> str:
    """What beside the bytes decides how the picture is drawn."""
    return "digits " if reference.startswith("digits:") else ""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(path: Path) -> Features | None:
    """The features, or None where the file is damaged or gone."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.dtype == np.float16 and found.ndim == 2 and np.isfinite(found).all() else None


def _write(path: Path, features: Features) -> None:
    content = io.BytesIO()
    np.save(content, features)
    write_file(path, content.getvalue(), durable=False)  # `_read` finds out
