"""Image features, computed once per frozen encoder and shared by all stages."""

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
from xstilts.platform.progress import report
from xstilts.platform.sealed import read_sealed, write_sealed

BATCH = 16
"""Images per batch. The last batch is padded, because rounding depends on the batch size."""
_READER_THREADS = 4
_MAX_FLOAT16 = 65504.0
_CODE_VERSION = 1
"""Increase it when the same image gets different features."""

Features = npt.NDArray[np.float16]


class ImageFeatures(Protocol):
    """Features of images by reference."""

    @property
    def channels(self) -> int: ...
    @property
    def tokens(self) -> int:
        """Tokens per image."""
        ...

    def missing(self, references: Iterable[str]) -> dict[str, str]: ...
    def tensor(self, references: Sequence[str]) -> Tensor: ...


class ImageFeatureCache:
    """Features [grid * grid, channels] of images by reference, cached on disk and in memory as float16.

    Each image has a file in `locations.cache`, whose path depends on the encoder's pin, size, grid and the image's
    bytes.
    """

    def __init__(
        self,
        vision: str,
        pin: str,
        *,
        size: int,
        grid: int,
        locations: ImageLocations,
        memory: int = 2**30,
        pooled: bool = False,
    ) -> None:
        """`vision` and `pin` identify a vision encoder or `TEXT+VISION`; `memory` is in bytes.

        With `pooled`, they identify a dual encoder, which has one pooled state per image.
        """
        _, self._pin = halves(vision, pin)[-1]
        self._name, self._size, self._grid, self._locations = vision, size, grid, locations
        self._pooled = pooled
        key = _digest(f"{self._pin} {size} {'pooled' if pooled else grid} {_CODE_VERSION}".encode())[:16]
        self._folder = locations.cache / "images" / "features" / key
        self._memory = _MemoryCache(memory)
        self._files: dict[str, Path] = {}
        self._errors: dict[str, str] = {}
        self._loaded: Vision | None = None
        self._lock = threading.Lock()

    @property
    def vision(self) -> Vision:
        """The encoder, loaded on first use; not needed if all features are cached."""
        with self._lock:
            if self._loaded is None:
                cache, offline = self._locations.cache, self._locations.offline
                if self._pooled:
                    folder = prepare_vision(self._name, cache=cache, offline=offline, revision=self._pin)
                    self._loaded = DualVision(folder)
                else:
                    self._loaded = load_vision(self._name, cache=cache, offline=offline, revision=self._pin)
            return self._loaded

    @property
    def channels(self) -> int:
        return self.vision.channels

    @property
    def tokens(self) -> int:
        return 1 if self._pooled else self._grid**2

    def missing(self, references: Iterable[str]) -> dict[str, str]:
        """The unusable images with an error message each. Computes the features of all others.

        Each image is checked only once: an image that is missing stays missing for this object.
        """
        unique = list(dict.fromkeys(references))
        new = [reference for reference in unique if reference not in self._files and reference not in self._errors]
        if new:
            self._compute_features(new)
        return {reference: self._errors[reference] for reference in unique if reference in self._errors}

    def tensor(self, references: Sequence[str]) -> Tensor:
        """[n, grid * grid, channels] float32. Raises ImageError for the first unusable image."""
        if errors := self.missing(references):
            raise ImageError(next(iter(errors.values())), "remove its examples")
        return torch.from_numpy(np.stack([self._features(reference) for reference in references])).float()

    def _compute_features(self, references: Sequence[str]) -> None:
        """Encode the images whose features are not on disk."""
        with ThreadPoolExecutor(_READER_THREADS) as readers:
            batch: list[tuple[str, Image.Image]] = []
            for pair in self._uncached(references, readers):
                batch.append(pair)
                if len(batch) == BATCH:
                    self._encode(batch)
                    batch = []
            if batch:
                self._encode(batch)

    def _uncached(self, references: Sequence[str], readers: ThreadPoolExecutor) -> Iterator[tuple[str, Image.Image]]:
        """The images whose features are not on disk. Records the paths, and errors of unusable images."""
        for start in range(0, len(references), 2 * BATCH):
            report("image features", start, len(references))
            chunk = references[start : start + 2 * BATCH]
            for reference, result in zip(chunk, readers.map(self._look_up, chunk), strict=True):
                # not in the threads: numpy parses headers with ast, which is not thread-safe in Python 3.11
                # (python/cpython#106905)
                if isinstance(result, Path):
                    features = _read(result)
                    if features is None:
                        result.unlink(missing_ok=True)
                        result = self._look_up(reference)
                    else:
                        self._memory.put(reference, features)
                match result:
                    case ImageError():
                        self._errors[reference] = str(result)
                    case Path():
                        self._files[reference] = result
                    case path, picture:
                        self._files[reference] = path
                        yield reference, picture

    def _look_up(self, reference: str) -> ImageError | Path | tuple[Path, Image.Image]:
        """The existing feature file, or the path of a new one with the resized image."""
        try:
            data = read_bytes(reference, self._locations)
            name = _digest(_rendering(reference).encode() + data)
            path = self._folder / name[:2] / f"{name}.sealed"
            return path if path.is_file() else (path, self._resize(data, reference))
        except ImageError as error:
            return error

    def _resize(self, data: bytes, reference: str) -> Image.Image:
        """Decode and resize as the encoder does, so that large photographs are not in memory together."""
        picture = image_from_bytes(data, reference, self._size)
        if isinstance(self.vision, DualVision):
            return self.vision.resize(picture)
        return picture.resize((self._size, self._size), self.vision.filter)

    def _encode(self, batch: Sequence[tuple[str, Image.Image]]) -> list[Features]:
        pictures = [picture for _, picture in batch]
        pictures += [Image.new("RGB", (self._size, self._size))] * (BATCH - len(batch))
        encoded = self.vision.features(pictures, self._size, self._grid)[: len(batch)]
        if not encoded.isfinite().all():
            raise DataError(
                f"{self._name} computes non-finite features for one of {', '.join(name for name, _ in batch)}",
                "its weights are damaged, or do not fit their configuration",
            )
        all_features = list(encoded.clamp(-_MAX_FLOAT16, _MAX_FLOAT16).half().numpy())
        for (reference, _), features in zip(batch, all_features, strict=True):
            _write(self._files[reference], features)
            self._memory.put(reference, features)
        return all_features

    def _features(self, reference: str) -> Features:
        features = self._memory.get(reference)
        if features is None:
            features = _read(self._files[reference])
        if features is None:  # damaged or deleted in the meantime
            (features,) = self._encode([(reference, self._resize(read_bytes(reference, self._locations), reference))])
        self._memory.put(reference, features)
        return features


class _MemoryCache:
    """Keeps the first features that fit and evicts none, because every epoch reads the same images."""

    def __init__(self, budget: int) -> None:
        self._free = budget
        self._entries: dict[str, Features] = {}

    def get(self, reference: str) -> Features | None:
        return self._entries.get(reference)

    def put(self, reference: str, features: Features) -> None:
        if reference not in self._entries and features.nbytes <= self._free:
            self._free -= features.nbytes
            self._entries[reference] = features.copy()


def _rendering(reference: str) -> str:
    """The way that an image is rendered from its bytes, as part of its file name."""
    return "digits " if reference.startswith("digits:") else ""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(path: Path) -> Features | None:
    """The features, or None if the file is damaged or missing."""
    content = read_sealed(path)
    if content is None:
        return None
    try:
        features = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError):
        return None
    is_valid = features.dtype == np.float16 and features.ndim == 2 and np.isfinite(features).all()
    return features if is_valid else None


def _write(path: Path, features: Features) -> None:
    content = io.BytesIO()
    np.save(content, features)
    write_sealed(path, content.getvalue(), durable=False)
