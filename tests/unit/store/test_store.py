import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.facts import facts_for

from xstilts.planning.specs import PretrainedStage
from xstilts.platform import folder_checksums
from xstilts.store.gc import collect
from xstilts.store.store import Store

SPEC = PretrainedStage(encoder="e5-small", pin="1234")
FACTS = facts_for(SPEC)
HEADER = """
import sys, time
from pathlib import Path
from xstilts.store.store import Store
from xstilts.planning.specs import PretrainedStage
store, spec = Store(Path(sys.argv[1])), PretrainedStage(encoder="e5-small", pin="1234")
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(store: Store, text: str = "weights") -> None:
    with store.draft(SPEC) as draft:
        (draft.path / "a.txt").write_text(text)
        (draft.path / "b.txt").write_text("rows")
        draft.facts = FACTS


def start(store: Store, code: str) -> "subprocess.Popen[str]":
    """Start a process that runs `code`, and wait until it prints a line."""
    command = [sys.executable, "-c", HEADER + code, str(store.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline()
    return process


def test_manifest_describes_the_artifact(store: Store) -> None:
    assert store.manifest(SPEC.key) is None
    write(store)
    manifest = store.manifest(SPEC.key)
    assert manifest is not None
    assert (manifest.key, manifest.kind, manifest.title) == (SPEC.key, "pretrained", "pretrained e5-small")
    assert manifest.spec == {"encoder": "e5-small", "pin": "1234", "fusion": None}
    assert manifest.facts == FACTS
    assert manifest.reads == ()
    assert manifest.files.keys() == {"a.txt", "b.txt"}
    assert manifest.bytes == len("weights") + len("rows")
    assert manifest.environment["threads"] == 1
    assert manifest.environment["torch"] != "absent"
    assert manifest.peak_memory_mb > 1
    assert store.keys() == (SPEC.key,)


def test_a_failed_draft_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.draft(SPEC) as draft:
        (draft.path / "a.txt").write_text("half")
        _ = 1 / 0
    assert store.manifest(SPEC.key) is None
    assert [path for path in store.root.rglob("*") if path.name == "a.txt"] == []


def test_seconds_of_a_draft_can_be_set(store: Store) -> None:
    with store.draft(SPEC) as draft:
        draft.seconds = 12.5
        draft.facts = FACTS
    manifest = store.manifest(SPEC.key)
    assert manifest is not None and manifest.seconds == 12.5


def flip(folder: Path) -> None:
    (folder / "a.txt").write_text("weighty")
    os.utime(folder / "a.txt", ns=(1, 1))


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (flip, "a.txt"),
        (lambda folder: (folder / "b.txt").write_text("ro"), "b.txt"),
        (lambda folder: (folder / "b.txt").unlink(), "b.txt"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest"),
    ],
)
def test_a_damaged_artifact_is_moved_away(
    store: Store, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object], file: str
) -> None:
    write(store)
    damage(store.path(SPEC.key))
    with caplog.at_level(logging.WARNING, "xstilts"):
        assert store.manifest(SPEC.key) is None
    assert file in caplog.text and SPEC.key[:12] in caplog.text
    assert len(list((store.root / "damaged").iterdir())) == 1
    write(store)
    assert store.manifest(SPEC.key) is not None


def test_checksums_are_computed_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store)
    os.utime(store.path(SPEC.key) / "a.txt", ns=(5, 5))
    computed: list[str] = []
    sha256 = folder_checksums.sha256
    monkeypatch.setattr(folder_checksums, "sha256", lambda path: computed.append(path.name) or sha256(path))
    for _ in range(3):
        assert store.manifest(SPEC.key) is not None
    assert sorted(computed) == ["a.txt", "b.txt"]


def test_the_first_of_two_writers_wins(store: Store) -> None:
    with store.draft(SPEC) as late:
        (late.path / "a.txt").write_text("late")
        late.facts = FACTS
        write(store, "early")
    assert (store.path(SPEC.key) / "a.txt").read_text() == "early"
    assert not [path for path in (store.root / "drafts").iterdir() if path.is_dir()]


def test_a_killed_writer_leaves_only_a_draft_that_gc_removes(store: Store) -> None:
    writer = start(
        store,
        """
with store.draft(spec) as draft:
    (draft.path / "a.txt").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
""",
    )
    assert collect(store, keep=(), dry_run=False).leftovers == ()
    writer.kill()
    writer.communicate()
    assert store.manifest(SPEC.key) is None
    removed = collect(store, keep=(), dry_run=False)
    assert len(removed.leftovers) == 1 and removed.bytes == len("half")
    assert not list(store.root.rglob("a.txt"))
    write(store)
    assert store.manifest(SPEC.key) is not None


def test_a_lock_excludes_other_processes_until_its_holder_dies(store: Store) -> None:
    holder = start(store, "with store.lock(spec.key):\n    print('locked', flush=True)\n    time.sleep(60)\n")
    assert store.try_lock(SPEC.key) is None
    assert f"process {holder.pid} " in store.locked()[SPEC.key]
    holder.kill()
    holder.communicate()
    assert store.locked() == {}
    lock = store.try_lock(SPEC.key)
    assert lock is not None
    assert store.try_lock(SPEC.key) is None
    lock.release()


def test_waiting_processes_take_turns(store: Store) -> None:
    code = """
print("ready", flush=True)
count = store.root / "count"
for _ in range(100):
    with store.lock(spec.key):
        count.write_text(str(int(count.read_text()) + 1))
"""
    store.root.mkdir()
    (store.root / "count").write_text("0")
    for process in [start(store, code) for _ in range(2)]:
        process.communicate(timeout=60)
    assert (store.root / "count").read_text() == "200"


@pytest.mark.parametrize(("umask", "folder_mode", "file_mode"), [(0o027, 0o750, 0o640), (0o002, 0o775, 0o664)])
def test_files_have_the_permissions_of_the_umask(store: Store, umask: int, folder_mode: int, file_mode: int) -> None:
    before = os.umask(umask)
    try:
        with store.draft(SPEC) as draft:
            os.close(os.open(draft.path / "weights", os.O_CREAT | os.O_WRONLY, 0o600))  # as safetensors does
            (draft.path / "rows").write_text("1")
            draft.facts = FACTS
    finally:
        os.umask(before)
    folder = store.path(SPEC.key)
    assert folder.stat().st_mode & 0o777 == folder_mode
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {file_mode}


def test_an_error_of_the_disk_names_the_draft(store: Store) -> None:
    with pytest.raises(OSError) as caught, store.draft(SPEC):
        raise OSError(28, "No space left on device")
    assert str(store.root) in str(caught.value.filename)
