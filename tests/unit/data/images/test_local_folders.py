"""The images of a task are part of its fingerprint."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from xstilts.data.benchmark_files import bind
from xstilts.data.images import local_folders
from xstilts.tasks import load_task


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def put(root: Path, name: str, content: bytes = b"picture") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)


def state(root: Path | None, collection: str = "flickr30k") -> str:
    return local_folders.folder_digest(collection, root, (root or Path()).parent / "cache")


def test_missing_and_empty_folders_have_no_images(root: Path) -> None:
    assert state(None) == state(root) == local_folders.NO_IMAGES
    (root / "flickr30k/images").mkdir(parents=True)
    assert state(root) == local_folders.NO_IMAGES


def test_the_digest_depends_on_names_and_sizes_not_on_the_root(root: Path, tmp_path: Path) -> None:
    put(root, "flickr30k/images/1.jpg")
    before = state(root)
    put(root, "flickr30k/images/2.jpg")
    assert state(root) != before != local_folders.NO_IMAGES
    other = tmp_path / "other"
    put(other, "multimodal/flickr30k/images/1.jpg", b"another")
    assert local_folders.folder_digest("flickr30k", other, tmp_path / "cache") == before
    put(tmp_path / "third", "flickr30k/images/1.jpg", b"longer than the others")
    assert local_folders.folder_digest("flickr30k", tmp_path / "third", tmp_path / "cache") != before


def test_subfolders_are_included(root: Path) -> None:
    put(root, "nlvr2/images/train/0/train-0-0-img0.png")
    before = state(root, "nlvr2")
    put(root, "nlvr2/images/train/1/train-1-0-img0.png")
    assert state(root, "nlvr2") != before


def test_files_are_listed_once_per_state_of_their_folders(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "gqa/images/1.jpg")
    before = state(root, "gqa")
    monkeypatch.setattr(local_folders, "_image_sizes", lambda folder: pytest.fail("looked again"))
    assert state(root, "gqa") == before
    folder = root / "gqa/images"
    os.utime(folder, ns=(0, folder.stat().st_mtime_ns + 1))
    with pytest.raises(BaseException, match="looked again"):
        state(root, "gqa")


def test_images_are_part_of_every_languages_fingerprint(root: Path) -> None:
    def prints() -> list[str]:
        task = bind(load_task("xvnli"), root=root, cache=root.parent / "cache")
        return [task.fingerprint(language) for language in ("en", "ru")]

    before = prints()
    put(root, "flickr30k/images/1.jpg")
    assert not set(prints()) & set(before)
    after = prints()
    put(root, "coco/images/1.jpg")
    assert prints() == after


def test_collections_in_packages_have_no_folder(root: Path) -> None:
    task = replace(load_task("xvnli"), images=("openmoji", "digits"))
    assert local_folders.image_sources(task, root, root.parent / "cache") == []
