import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.store.test_store import SPEC, write

from xstilts import cli
from xstilts.experiment import open_experiment, record_run
from xstilts.store.store import Store
from xstilts.store.verify import verify


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    write(store)
    record_run(open_experiment("smoke", store=store.root))
    return store


def rot(path: Path) -> None:
    """Change one byte; size and modification time stay."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def trust(store: Store) -> None:
    """Make the recorded state of the last check match, as for damage below the file system."""
    folder = store.path(SPEC.key)
    stats = {name: (folder / name).stat() for name in ("a.txt", "b.txt")}
    state = {name: [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns] for name, stat in stats.items()}
    (folder / ".verified").write_text(json.dumps(state))


def test_an_undamaged_store(store: Store):
    verified = verify(store)
    assert (verified.artifacts, verified.recipes, verified.damaged) == (1, 1, ())
    assert verified.bytes == len("weights") + len("rows")


def test_changed_content_with_unchanged_times_is_noticed(store: Store):
    rot(store.path(SPEC.key) / "a.txt")
    trust(store)
    assert store.manifest(SPEC.key) is not None
    (damage,) = verify(store).damaged
    assert damage.path == store.path(SPEC.key) and "a.txt" in damage.reason
    assert store.manifest(SPEC.key) is None  # the next reader notices it too
    assert verify(store).damaged == ()


def test_a_change_through_the_file_system_is_noticed_without_verify(store: Store):
    rot(store.path(SPEC.key) / "a.txt")
    assert store.manifest(SPEC.key) is None


@pytest.mark.parametrize(
    "damage",
    [
        rot,
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "b.txt", "manifest.json"])
def test_every_file_of_an_artifact_is_checked(store: Store, name: str, damage: Callable[[Path], object]):
    damage(store.path(SPEC.key) / name)
    assert [found.path for found in verify(store).damaged] == [store.path(SPEC.key)]
    assert store.manifest(SPEC.key) is None


def test_a_score_in_the_manifest_cannot_change_unnoticed(store: Store):
    path = store.path(SPEC.key) / "manifest.json"
    content = path.read_bytes()
    for byte in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[byte] ^= 1 << byte % 8
        path.write_bytes(damaged)
        assert store.peek(SPEC.key) is None
    path.write_bytes(content)
    assert store.manifest(SPEC.key) is not None


def test_a_damaged_record_of_a_recipe_is_listed(store: Store, capsys: pytest.CaptureFixture[str]):
    note = store.root / "runs" / "smoke.json"
    rot(note)
    assert cli.call(["verify", str(store.root), "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert [damage["path"] for damage in printed["damaged"]] == [str(note)]


def test_exit_codes(store: Store, capsys: pytest.CaptureFixture[str]):
    assert cli.call(["verify", "--store", str(store.root)]) == 0
    (store.path(SPEC.key) / "b.txt").unlink()
    assert cli.call(["verify", str(store.root)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(str(store.path(SPEC.key))) and "Traceback" not in err
    assert cli.call(["verify", str(store.root / "none")]) == 2
