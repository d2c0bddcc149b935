from pathlib import Path

import pytest
from tests.unit.planning.world import TASKS, leave, recipe

from xstilts.execution.scheduler import Scheduler
from xstilts.planning.expand import expand
from xstilts.platform import memory
from xstilts.store.store import Store

SMALL = expand(recipe(seeds=(0,), fewshot=None, primary=None), TASKS, "1234")
MORE = expand(recipe(seeds=(0, 1, 2), fewshot=None, primary=None), TASKS, "1234")


class NeverFinishing:
    """An executor that starts every job and finishes none."""

    def __init__(self, memory_mb: float | None) -> None:
        self.memory_mb = memory_mb
        self.submitted = []

    def can_start(self, threads: int) -> bool:
        return True

    def submit(self, specs, memory_mb: float) -> None:
        self.submitted.append(memory_mb)


@pytest.fixture
def store(tmp_path: Path, monkeypatch) -> Store:
    monkeypatch.setattr(memory, "peak_mb", lambda: 100.0)
    store = Store(tmp_path)
    for spec in SMALL.stages.values():
        leave(store, spec)
    return store


def submitted(store: Store, memory_mb: float | None) -> list[float]:
    """The expected memory of each job that is submitted to an executor with this much memory."""
    executor = NeverFinishing(memory_mb)
    with Scheduler(MORE, store) as scheduler:
        assert list(scheduler.submit(executor)) == []
        waiting = bool(scheduler.waiting)
    assert waiting is (memory_mb is not None and memory_mb < 1e6)
    return executor.submitted


def test_memory_limits_parallel_jobs(store):
    assert len(submitted(store, 1e9)) > 2
    assert submitted(store, 1.0) == [100.0]
    assert submitted(store, 199.0) == [100.0]
    assert submitted(store, 200.0) == [100.0, 100.0]


def test_an_executor_may_have_no_memory_limit(store):
    assert len(submitted(store, None)) == len(submitted(store, 1e9))


def test_jobs_of_unknown_memory_do_not_wait(tmp_path):
    executor = NeverFinishing(1.0)
    with Scheduler(expand(recipe(), TASKS, "5678"), Store(tmp_path)) as scheduler:
        list(scheduler.submit(executor))
        assert not scheduler.waiting and set(executor.submitted) == {0.0}
