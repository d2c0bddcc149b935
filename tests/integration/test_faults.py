"""A fault at every write, fsync and rename of a small run: nothing that is half written is believed."""

import errno
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.planning.world import TASKS, leave, recipe

from xstilts.cache.build_once import build_once
from xstilts.config.recipe import Intermediate, Target
from xstilts.experiment import open_experiment, record_run, recorded_experiments
from xstilts.planning.expand import expand
from xstilts.platform.sealed import read_sealed, write_sealed
from xstilts.store.gc import collect
from xstilts.store.store import Store
from xstilts.store.verify import verify

SMALL = recipe(
    seeds=(0,),
    intermediate={"none": Intermediate()},
    targets={"topic": Target(languages=("de",))},
    fewshot=None,
    primary=None,
)
GRAPH = expand(SMALL, TASKS, "1234")


@dataclass
class Faults:
    """Calls `fault` at the operation with this number, counted from 0."""

    number: int
    fault: Callable[[], None]
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.number + 1:
            self.fault()


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def kill() -> None:
    os._exit(9)


@contextmanager
def injected(faults: Faults) -> Iterator[None]:
    write_bytes = Path.write_bytes

    def half_write(path: Path, data: bytes) -> int:
        write_bytes(path, data[: len(data) // 2])
        faults.step()
        return write_bytes(path, data)

    def half_write_text(path: Path, text: str, encoding: str | None = None) -> int:
        return half_write(path, text.encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", half_write)
        patch.setattr(Path, "write_text", half_write_text)
        for name in ("fsync", "rename", "replace", "mkdir"):
            original = getattr(os, name)

            def operation(*args: object, original: Callable[..., object] = original, **more: object) -> object:
                faults.step()
                return original(*args, **more)

            patch.setattr(os, name, operation)
        yield


def run(root: Path) -> None:
    """What a run writes: artifacts, a record, cached folders and notes."""
    store = Store(root / "store")
    record_run(open_experiment("smoke", store=store.root))
    build_once(root / "cache" / "rows", lambda folder: (folder / "rows").write_text("one\ntwo\n") and None)
    if read_sealed(root / "cache" / "note") is None:
        write_sealed(root / "cache" / "note", "a commit")
    for spec in GRAPH.stages.values():
        if store.manifest(spec.key) is None:
            leave(store, spec)


def results(root: Path) -> dict[str, str]:
    """All that a reader believes."""
    store = Store(root / "store")
    keys = [key for key in GRAPH.stages if store.manifest(key) is not None]
    believed = {key: (store.path(key) / "result.txt").read_text() for key in keys}
    believed |= {f"recipe {one.recipe.name}": str(one.recipe) for one in recorded_experiments(root / "store")}
    if (note := read_sealed(root / "cache" / "note")) is not None:
        believed["note"] = note.decode()
    return believed


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("undisturbed")
    run(root)
    return results(root)


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> int:
    faults = Faults(-1, full_disk)
    with injected(faults):
        run(tmp_path_factory.mktemp("counted"))
    return faults.count


def check(root: Path, expected: dict[str, str]) -> None:
    """What is there is right, and another run completes it."""
    assert results(root).items() <= expected.items()
    assert all(expected.get(key) for key in results(root))
    run(root)
    assert results(root) == expected
    assert (root / "cache" / "rows" / "rows").read_text() == "one\ntwo\n"
    store = Store(root / "store")
    assert verify(store).damaged == ()
    collect(store, GRAPH.stages, dry_run=False)
    assert list((store.root / "drafts").iterdir()) == []


def test_a_full_disk_at_every_operation(tmp_path: Path, expected: dict[str, str], operations: int) -> None:
    failures = 0
    for number in range(operations):
        root = tmp_path / str(number)
        root.mkdir()
        with injected(Faults(number, full_disk)):
            try:
                run(root)
            except OSError as error:
                failures += 1
                assert error.errno == errno.ENOSPC, "".join(traceback.format_exception(error))
        check(root, expected)
    assert failures > operations / 2  # the others are of folders that exist


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX only")
def test_a_kill_at_every_operation(tmp_path: Path, expected: dict[str, str], operations: int) -> None:
    kills = 0
    for number in range(operations):
        root = tmp_path / str(number)
        root.mkdir()
        child = os.fork()
        if child == 0:
            with injected(Faults(number, kill)):
                run(root)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        kills += code == 9
        assert code in (0, 9)
        check(root, expected)
    assert kills > operations / 2  # the first run of a process does a little more
