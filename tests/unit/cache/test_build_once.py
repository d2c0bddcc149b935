import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts.cache.build_once import build_once
from xstilts.platform import folder_checksums


class Builder:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "inner").mkdir()
        (folder / "inner" / "rows").write_text("one\n")
        (folder / "weights").write_bytes(bytes(1000))


@pytest.fixture
def builder() -> Builder:
    return Builder()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def keep_times(damage: Callable[[Path], object]) -> Callable[[Path], None]:
    def damaged(path: Path) -> None:
        times = path.stat()
        damage(path)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    return damaged


def test_a_folder_is_built_once(tmp_path: Path, builder: Builder):
    for _ in range(3):
        assert build_once(tmp_path / "made", builder) == tmp_path / "made"
    assert builder.calls == 1
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_files_are_hashed_once(tmp_path: Path, builder: Builder, monkeypatch: pytest.MonkeyPatch):
    build_once(tmp_path / "made", builder)
    monkeypatch.setattr(folder_checksums, "sha256", lambda path: pytest.fail(f"hashed {path}"))
    build_once(tmp_path / "made", builder)


@pytest.mark.parametrize("name", ["inner/rows", "weights", ".checksums"])
@pytest.mark.parametrize(
    "damage",
    [
        flip,
        keep_times(flip),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_damaged_folder_is_built_again(
    tmp_path: Path,
    builder: Builder,
    caplog: pytest.LogCaptureFixture,
    name: str,
    damage: Callable[[Path], object],
):
    target = build_once(tmp_path / "made", builder)
    damage(target / name)
    with caplog.at_level(logging.WARNING, "xstilts"):
        build_once(target, builder)
    assert builder.calls == 2 and str(target) in caplog.text
    assert (target / "inner" / "rows").read_text() == "one\n" and (target / "weights").read_bytes() == bytes(1000)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    build_once(target, builder)
    assert builder.calls == 2


def test_a_file_instead_of_the_folder_is_replaced(tmp_path: Path, builder: Builder):
    (tmp_path / "made").write_text("a file")
    assert (build_once(tmp_path / "made", builder) / "weights").is_file()


def test_a_failed_build_leaves_nothing(tmp_path: Path):
    with pytest.raises(ZeroDivisionError):
        build_once(tmp_path / "made", lambda folder: 1 / 0)  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []
