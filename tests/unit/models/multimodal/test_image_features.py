"""Image features are cached on disk and in memory, and unusable images are reported."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tests.unit.data.images.test_decode import bomb, encoded, photo
from tests.unit.models.multimodal.test_vision import tiny

from xstilts.data.images import ImageLocations
from xstilts.errors import DataError, ImageError
from xstilts.models.multimodal import image_features as module
from xstilts.models.multimodal.image_features import BATCH, ImageFeatureCache
from xstilts.models.multimodal.precomputed import Precomputed
from xstilts.models.multimodal.vision import Vision, load_vision


@pytest.fixture
def places(tmp_path: Path) -> ImageLocations:
    return ImageLocations(cache=tmp_path / "cache", offline=True, root=tmp_path)


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    return tiny("vit", tmp_path / "vit")


def images(folder: Path, count: int) -> list[str]:
    """References of different pictures."""
    noise = np.random.default_rng(1).integers(0, 256, (count, 20, 30, 3), dtype=np.uint8)
    for row, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"{row}.png")
    return [f"file:{folder / f'{row}.png'}" for row in range(count)]


def opened(vit: Path, places: ImageLocations, **options: int) -> ImageFeatureCache:
    return ImageFeatureCache(str(vit), "pin", locations=places, **({"size": 32, "grid": 2} | options))


@pytest.fixture
def encoded_images(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each batch had that galleries encoded."""
    counts: list[int] = []

    class Counted:
        def __init__(self, vision: Vision) -> None:
            self.channels, self.filter, self._vision = vision.channels, vision.filter, vision

        def features(self, images: Sequence[Image.Image], size: int, grid: int) -> torch.Tensor:
            counts.append(len(images))
            return self._vision.features(images, size, grid)

    monkeypatch.setattr(module, "load_vision", lambda *args, **options: Counted(load_vision(*args, **options)))
    return counts


def test_features_equal_the_encoder_output(vit: Path, places: ImageLocations, tmp_path: Path):
    references = images(tmp_path, 3)
    image_features = opened(vit, places)
    assert image_features.missing(references) == {}
    pictures = [Image.open(reference.removeprefix("file:")) for reference in references]
    expected = load_vision(str(vit), cache=places.cache, offline=True).features(pictures, 32, 2)
    result = image_features.tensor([references[2], references[0], references[2]])
    assert result.shape == (3, 4, image_features.channels) and result.dtype == torch.float32
    assert torch.allclose(result, expected[[2, 0, 2]], atol=2e-3)


def test_each_image_is_encoded_once_in_full_batches(
    vit: Path, places: ImageLocations, tmp_path: Path, encoded_images: list[int]
):
    references = images(tmp_path, BATCH + 3)
    first = opened(vit, places).tensor(references + references[:5])
    second = opened(vit, places, memory=0)
    assert torch.equal(second.tensor(references), first[: BATCH + 3])
    assert encoded_images == [BATCH, BATCH]
    opened(vit, places, grid=1).missing(references[:1])
    assert encoded_images == [BATCH] * 3


def test_features_do_not_depend_on_the_batch(vit: Path, places: ImageLocations, tmp_path: Path):
    references = images(tmp_path, 20)
    together = opened(vit, places).tensor(references)
    elsewhere = ImageLocations(cache=tmp_path / "other", offline=True)
    apart = torch.cat([opened(vit, elsewhere).tensor([reference]) for reference in reversed(references)])
    assert torch.equal(together, apart.flip(0))


def test_features_are_read_by_one_thread(
    vit: Path, places: ImageLocations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Several that parse headers at once make Python 3.11 fail."""
    references = images(tmp_path, BATCH)
    opened(vit, places).missing(references)
    threads: list[threading.Thread] = []
    load = np.load
    monkeypatch.setattr(
        np, "load", lambda *args, **more: [threads.append(threading.current_thread()), load(*args, **more)][1]
    )
    assert opened(vit, places).tensor(references).shape == (BATCH, 4, 16)
    assert set(threads) == {threading.main_thread()} and len(threads) == BATCH


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", None, "flip"])
def test_damaged_file_is_recomputed(
    vit: Path, places: ImageLocations, tmp_path: Path, damage: bytes | str | None, encoded_images: list[int]
):
    references = images(tmp_path, 2)
    image_features = opened(vit, places, memory=0)
    expected = image_features.tensor(references)
    for path in places.cache.rglob("*.sealed"):
        if damage is None:
            with path.open("wb") as file:
                np.save(file, np.full((4, 16), np.nan, dtype=np.float16))
        elif isinstance(damage, str):  # one bit of one number
            content = bytearray(path.read_bytes())
            content[-100] ^= 1
            path.write_bytes(content)
        else:
            path.write_bytes(damage)
    assert torch.equal(opened(vit, places).tensor(references), expected)
    for path in places.cache.rglob("*.sealed"):
        path.unlink()
    assert torch.equal(image_features.tensor(references), expected), "removed while it was in use"
    assert len(encoded_images) == 4


def test_unusable_images_are_reported(vit: Path, places: ImageLocations, tmp_path: Path):
    jpeg = encoded(photo(), "jpeg")
    bad = {"truncated": jpeg[: len(jpeg) // 2], "bomb": bomb(100_000, 100_000), "text": b"no picture"}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    good = images(tmp_path, 2)
    references = [good[0], *(f"file:{tmp_path / name}" for name in bad), "gqa:n1", "http://127.0.0.1:9/x.png", good[1]]
    image_features = opened(vit, places)
    result = image_features.missing(references)
    assert list(result) == references[1:-1]
    reasons = ("is damaged", "is too large", "is not an image", "is missing", "is not in the cache")
    assert all(reason in outputs for reason, outputs in zip(reasons, result.values(), strict=True))
    assert image_features.tensor(good).shape == (2, 4, 16)
    with pytest.raises(ImageError, match="gqa:n1"):
        image_features.tensor([good[0], "gqa:n1"])


def test_identical_images_share_a_file(vit: Path, places: ImageLocations, tmp_path: Path):
    (reference,) = images(tmp_path, 1)
    (tmp_path / "copy.png").write_bytes((tmp_path / "0.png").read_bytes())
    result = opened(vit, places).tensor([reference, f"file:{tmp_path / 'copy.png'}"])
    assert torch.equal(result[0], result[1])
    assert len(list(places.cache.rglob("*.sealed"))) == 1


def test_non_finite_features_raise(vit: Path, places: ImageLocations, tmp_path: Path):
    from safetensors.torch import load_file

    weights = {name: tensor * float("nan") for name, tensor in load_file(vit / "model.safetensors").items()}
    save_file(weights, vit / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError):
        opened(vit, places).missing(images(tmp_path, 1))


CODE = """
import sys
from pathlib import Path
from xstilts.data.images import ImageLocations
from xstilts.models.multimodal.image_features import ImageFeatureCache
folder, vit = Path(sys.argv[1]), sys.argv[2]
gallery = ImageFeatureCache(vit, "pin", size=32, grid=2, locations=ImageLocations(cache=folder / "cache", offline=True))
print(gallery.tensor([f"file:{folder}/{row}.png" for row in range(40)]).double().sum().item())
"""


def test_concurrent_processes_share_the_cache(vit: Path, places: ImageLocations, tmp_path: Path):
    references = images(tmp_path, 40)
    command = [sys.executable, "-c", CODE, str(tmp_path), str(vit)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in running]
    expected = (
        opened(vit, ImageLocations(cache=tmp_path / "other", offline=True)).tensor(references).double().sum().item()
    )
    assert [float(text) for text in outputs] == [expected, expected]
    files = [path for path in (places.cache / "images").rglob("*") if path.is_file()]
    assert len(files) == 40 and all(path.suffix == ".sealed" for path in files)


def test_precomputed_features_by_a_list(tmp_path: Path):
    array = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    np.save(tmp_path / "a.npy", array)
    (tmp_path / "a.txt").write_text("gqa:n1\ngqa:n2\ngqa:n3\n")
    loaded = Precomputed(tmp_path / "a.npy")
    assert (loaded.tokens, loaded.channels) == (4, 2)
    assert torch.equal(loaded.tensor(["gqa:n3", "gqa:n1"]), torch.from_numpy(array[[2, 0]]))
    assert loaded.missing(["gqa:n2", "gqa:n4"]).keys() == {"gqa:n4"}
    before = loaded.pin(tmp_path / "cache")
    (tmp_path / "a.txt").write_text("gqa:n2\ngqa:n1\ngqa:n3\n")
    assert Precomputed(tmp_path / "a.npy").pin(tmp_path / "cache") != before, "other names are other features"


def test_precomputed_features_by_reference(tmp_path: Path):
    save_file({"coco:1": torch.ones(5), "coco:2": torch.zeros(5)}, tmp_path / "a.safetensors")
    loaded = Precomputed(tmp_path / "a.safetensors")
    assert torch.equal(loaded.tensor(["coco:2", "coco:1"]), torch.tensor([[[0.0] * 5], [[1.0] * 5]]))
    with pytest.raises(ImageError, match="coco:3"):
        loaded.tensor(["coco:3"])


@pytest.mark.parametrize(
    ("array", "names", "value"),
    [
        (np.zeros((2, 3)), None, r"a\.npy"),
        (np.zeros((2, 3)), ["a:1"], "1"),
        (np.zeros((2, 3)), ["a:1", "a:1"], "a:1"),
        (np.zeros((2, 3)), {"a:1": 0}, r"a\.json"),
        (np.zeros(2), ["a:1", "a:2"], r"\(2,\)"),
        (np.zeros((2, 3), dtype=np.int64), ["a:1", "a:2"], "int64"),
        (np.array([object()]), ["a:1"], r"a\.npy"),
        (np.zeros((0, 3)), [], r"a\.npy"),
        (np.full((1, 3), np.nan), ["a:1"], "a:1"),
    ],
)
def test_invalid_precomputed_features_raise(array: np.ndarray, names: object, value: str, tmp_path: Path):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    if names is not None:
        (tmp_path / "a.json").write_text(json.dumps(names))
    with pytest.raises(DataError, match=value):
        Precomputed(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("array", "names"),
    [
        (b"\x93NUMPY\x01\x00\x06\x00{'a': ", b"a:1\n"),
        (b"\x93NUMPY\x01\x00v\x00(", b"a:1\n"),
        (b"PK\x03\x04", b"a:1\n"),
        (None, b"a:\xff\n"),
    ],
)
def test_damaged_precomputed_features_raise(array: bytes | None, names: bytes, tmp_path: Path):
    np.save(tmp_path / "a.npy", np.zeros((1, 3)))
    if array is not None:
        (tmp_path / "a.npy").write_bytes(array)
    (tmp_path / "a.txt").write_bytes(names)
    with pytest.raises(DataError, match=r"a\.(npy|txt)"):
        Precomputed(tmp_path / "a.npy")


def test_precomputed_features_of_different_shapes_raise(tmp_path: Path):
    save_file({"a:1": torch.ones(2, 5), "a:2": torch.zeros(3, 5)}, tmp_path / "a.safetensors")
    with pytest.raises(DataError, match=r"a:2.*\(3, 5\)"):
        Precomputed(tmp_path / "a.safetensors").tensor(["a:1", "a:2"])
    (tmp_path / "b.safetensors").write_bytes(b"nonsense")
    with pytest.raises(DataError):
        Precomputed(tmp_path / "b.safetensors")
