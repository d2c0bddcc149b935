import logging
import os
from pathlib import Path

import pytest
from tests.hub import Hub, hub

from xstilts.encoders.fetch import prepare
from xstilts.errors import SourceError

__all__ = ["hub"]


def repository(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def damage(path: Path) -> None:
    """Change a byte of the stored file; size and modification time stay."""
    blob = path.resolve()
    times = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(b"weighty")
    os.utime(blob, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_damaged_download_is_made_again(hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    hub.repositories["someone/tiny"] = repository(tmp_path / "tiny")
    folder = prepare("someone/tiny", cache=tmp_path / "cache", offline=False)
    damage(folder / "model.safetensors")
    with caplog.at_level(logging.WARNING, "xstilts"):
        folder = prepare("someone/tiny", cache=tmp_path / "cache", offline=False)
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert "model.safetensors" in caplog.text


def test_a_damaged_download_is_not_used_offline(hub: Hub, tmp_path: Path):
    hub.repositories["someone/tiny"] = repository(tmp_path / "tiny")
    folder = prepare("someone/tiny", cache=tmp_path / "cache", offline=False)
    assert prepare("someone/tiny", cache=tmp_path / "cache", offline=True) == folder
    damage(folder / "model.safetensors")
    with pytest.raises(SourceError, match=r"model\.safetensors"):
        prepare("someone/tiny", cache=tmp_path / "cache", offline=True)
    with pytest.raises(SourceError):
        prepare("someone/tiny", cache=tmp_path / "cache", offline=True)
    folder = prepare("someone/tiny", cache=tmp_path / "cache", offline=False)
    assert (folder / "model.safetensors").read_bytes() == b"weights"
