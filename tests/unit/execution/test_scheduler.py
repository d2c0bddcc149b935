from pathlib import Path

import pytest
from tests.unit.planning.world import TASKS, leave, recipe

from xstilts.execution.scheduler import Scheduler
from xstilts.planning.expand import expand
from xstilts.platform import memory
from xstilts.store.store import Store

SMALL = expand(recipe(seeds=(0,), fewshot=None, primary=None), TASKS, "1234")
MORE = expand(recipe(seeds=(0, 1, 2), fewshot=None, primary=None), TASKS, "1234")


class Patient:
    """A pool that is always free and never done."""

    def __init__(self) -> None:
        self.given = []

    def free(self, threads: int) -> bool:
        return True

    def submit(self, specs) -> None:
        self.given.append(specs)


@pytest.fixture
def store(tmp_path: Path, monkeypatch) -> Store:
    monkeypatch.setattr(memory, "peak_mb", lambda: 100.0)
    made = Store(tmp_path)
    for spec in SMALL.stages.values():
        leave(made, spec)
    return made


def given(store: Store, room: float, monkeypatch) -> list:
    monkeypatch.setattr(memory, "available_mb", lambda: room)
    pool = Patient()
    with Scheduler(MORE, store) as walk:
        list(walk.submit(pool))
        waiting = bool(walk.waiting)
    assert bool(waiting) is (room < 1e6)
    return pool.given


def test_jobs_go_side_by_side_as_far_as_memory_allows(store, monkeypatch):
    assert len(given(store, 1e9, monkeypatch)) > 2
    assert len(given(store, 1.0, monkeypatch)) == 1
    assert len(given(store, 199.0, monkeypatch)) == 1
    assert len(given(store, 200.0, monkeypatch)) == 2


def test_what_was_never_measured_waits_for_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_mb", lambda: 1.0)
    pool = Patient()
    with Scheduler(expand(recipe(), TASKS, "5678"), Store(tmp_path)) as walk:
        list(walk.submit(pool))
        assert not walk.waiting and pool.given
