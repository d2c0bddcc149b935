import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from xstilts.platform import files, locks


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [True, False])
def test_write_file_replaces_a_file(tmp_path, durable):
    path = tmp_path / "new" / "note"
    files.write_file(path, "first", durable=durable)
    files.write_file(path, "zwölf".encode(), durable=durable)
    assert path.read_text(encoding="utf-8") == "zwölf"
    assert names(path.parent) == ["note"]


def test_failed_write_leaves_no_draft(tmp_path):
    (tmp_path / "note").mkdir()
    with pytest.raises(OSError):
        files.write_file(tmp_path / "note", "text")
    assert names(tmp_path) == ["note"] and names(tmp_path / "note") == []


def test_new_folder_appears_when_complete(tmp_path):
    with files.new_folder(tmp_path / "made") as draft:
        (draft / "inner").mkdir()
        (draft / "inner" / "a").write_text("1")
        assert not (tmp_path / "made").exists()
    assert (tmp_path / "made" / "inner" / "a").read_text() == "1"
    assert names(tmp_path) == ["made"]
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o777 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_failed_new_folder_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), files.new_folder(tmp_path / "made") as draft:
        (draft / "a").write_text("half")
        _ = 1 / 0
    assert names(tmp_path) == []


def test_first_of_two_concurrent_folders_wins(tmp_path):
    with files.new_folder(tmp_path / "made") as late:
        (late / "a").write_text("late")
        with files.new_folder(tmp_path / "made") as early:
            (early / "a").write_text("early")
    assert (tmp_path / "made" / "a").read_text() == "early"
    assert names(tmp_path) == ["made"]


def test_new_folder_raises_if_the_path_is_a_file(tmp_path):
    (tmp_path / "made").write_text("a file")
    with pytest.raises(OSError), files.new_folder(tmp_path / "made") as draft:
        (draft / "a").write_text("1")
    assert names(tmp_path) == ["made"]


def test_content_is_synced_before_the_rename(tmp_path, monkeypatch):
    synced: list[str] = []
    monkeypatch.setattr(files, "fsync", lambda path: synced.append((path.name, (tmp_path / "made").exists())))
    with files.new_folder(tmp_path / "made") as draft:
        (draft / "a").write_text("1")
    assert synced == [("made", False), ("a", False), (tmp_path.name, True)]


def write_often(path: Path, letter: str) -> None:
    for _ in range(200):
        files.write_file(path, letter * 5000, durable=False)


def test_concurrent_writers_of_one_file(tmp_path):
    path = tmp_path / "note"
    files.write_file(path, "")
    code = (
        "from tests.unit.platform import test_files; from pathlib import Path; test_files.write_often(Path({!r}), {!r})"
    )
    commands = [[sys.executable, "-c", code.format(str(path), letter)] for letter in "ab"]
    writers = [subprocess.Popen(command) for command in commands]
    contents = set[str]()
    while any(writer.poll() is None for writer in writers):
        contents.add(path.read_text())
    contents.add(path.read_text())
    assert [writer.returncode for writer in writers] == [0, 0]
    assert contents <= {"", "a" * 5000, "b" * 5000} and len(contents) > 1
    assert names(tmp_path) == ["note"]


def test_lock_is_released_when_its_process_dies(tmp_path):
    code = f"""
import time; from pathlib import Path; from xstilts.platform.files import locked
with locked(Path({str(tmp_path / "lock")!r})):
    print("locked", flush=True); time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline()
    with pytest.raises(Timeout):
        FileLock(tmp_path / "lock", timeout=0).acquire()
    holder.kill()
    holder.communicate()
    with files.locked(tmp_path / "lock"):
        pass


def test_a_lock_whose_file_cannot_be_written_is_not_held(tmp_path, monkeypatch):
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError):
            locks.try_acquire(tmp_path / "lock")
    lock = locks.try_acquire(tmp_path / "lock")
    assert lock is not None
    lock.release()
