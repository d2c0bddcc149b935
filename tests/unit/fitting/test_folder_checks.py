from pathlib import Path

import pytest

from xstilts.errors import UserError
from xstilts.fitting.folder_checks import require_new, require_writable


def test_new_and_empty_folders_are_fine(tmp_path: Path):
    require_new(tmp_path / "model")
    require_new(tmp_path)
    require_writable(tmp_path / "a" / "b" / "model")
    assert list(tmp_path.iterdir()) == []


def test_files_and_full_folders_are_refused(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(UserError, match="not empty"):
            require_new(path)


@pytest.mark.parametrize("name", ["file/model", "/proc/model"])
def test_places_that_cannot_be_written_are_refused(name: str, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"):
        require_writable(tmp_path / name)
