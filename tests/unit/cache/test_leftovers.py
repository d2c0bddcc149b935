import os
import subprocess
import sys
from pathlib import Path

import pytest

from xstilts.api.artifacts import collect_garbage
from xstilts.cache.build_once import build_once

BUILD = """
import sys, time
from pathlib import Path
from xstilts.cache.build_once import build_once
def build(folder):
    (folder / "rows").write_text("half")
    print("building", flush=True)
    time.sleep(60)
build_once(Path(sys.argv[1]), build)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "store").mkdir()
    return tmp_path / "cache"


def test_gc_removes_what_a_killed_process_left_in_the_cache(cache: Path, tmp_path: Path):
    target = cache / "examples" / "topic" / "en"
    builder = subprocess.Popen([sys.executable, "-c", BUILD, str(target)], stdout=subprocess.PIPE)
    assert builder.stdout and builder.stdout.readline()
    assert collect_garbage(store=tmp_path / "store").cache == ()  # the process is alive
    builder.kill()
    builder.communicate()
    listed = collect_garbage(store=tmp_path / "store", dry_run=True)
    assert len(listed.cache) == 2 and listed.bytes >= len("half")
    assert collect_garbage(store=tmp_path / "store").cache == listed.cache
    assert list(target.parent.iterdir()) == []


def test_gc_keeps_finished_entries_and_new_drafts_of_files(cache: Path, tmp_path: Path):
    kept = build_once(cache / "examples" / "topic" / "en", lambda folder: (folder / "rows").write_text("all") and None)
    new, old = (cache / "sums" / f".note.{letter * 32}" for letter in "ab")
    for path in (new, old):
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    os.utime(old, (1, 1))
    assert collect_garbage(store=tmp_path / "store").cache == (str(old),)
    assert (kept / "rows").is_file() and new.is_file() and not old.exists()
