"""The scheduler with an executor that runs stages in this process."""

from collections import Counter, deque
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import psutil
import pytest
from tests.unit.planning.world import RUNNER, TASKS, environment, recipe, results

from xstilts.errors import UserError
from xstilts.execution.environment import Environment, Event
from xstilts.execution.executor import EXECUTORS, Executor, MeasuresMemory, executor_type
from xstilts.execution.local import LocalExecutor
from xstilts.execution.run import RunResult, run_graph
from xstilts.planning.expand import expand
from xstilts.planning.specs import Spec
from xstilts.store.store import Store

GRAPH = expand(recipe(), TASKS, "1234")


class InlineExecutor:
    """Queues jobs and runs one at each poll."""

    instances: list["InlineExecutor"] = []  # noqa: RUF012
    memory_mb = None

    def __init__(self, environment: Environment, workers: int, runner: str) -> None:
        module, _, name = runner.rpartition(".")
        self.environment, self.workers, self.run_job = environment, workers, getattr(import_module(module), name)
        self.jobs: deque[tuple[Spec, ...]] = deque()
        self.most_jobs, self.closed = 0, 0
        self.instances.append(self)

    @staticmethod
    def default_workers(device: str) -> int:
        return 3

    @property
    def idle(self) -> bool:
        return not self.jobs

    def can_start(self, threads: int) -> bool:
        return len(self.jobs) < self.workers

    def submit(self, specs: tuple[Spec, ...], memory_mb: float) -> None:
        self.jobs.append(specs)
        self.most_jobs = max(self.most_jobs, len(self.jobs))

    def poll(self, seconds: float) -> Iterator[Event]:
        events: list[Event] = []
        if self.jobs:
            self.run_job(self.jobs.popleft(), self.environment, events.append)
        yield from events

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def inline(monkeypatch) -> type[InlineExecutor]:
    monkeypatch.setitem(EXECUTORS, "inline", f"{__name__}:InlineExecutor")
    InlineExecutor.instances.clear()
    return InlineExecutor


def run_with(root: Path, executor: str, **behaviour: str) -> RunResult:
    environment_ = environment(root, behaviour)
    return run_graph(GRAPH, Store(root / "store"), environment_, 3, lambda _: None, executor=executor, runner=RUNNER)


def test_a_graph_runs_on_another_executor(tmp_path, inline):
    local, outcome = run_with(tmp_path / "local", "local"), run_with(tmp_path / "inline", "inline")
    assert set(outcome.done) == set(local.done) == GRAPH.stages.keys()
    assert results(tmp_path / "inline") == results(tmp_path / "local")
    (executor,) = inline.instances
    assert (executor.closed, executor.most_jobs) == (1, 3)
    assert outcome.peak_memory_mb > 0


def test_failures_and_skips_do_not_depend_on_the_executor(tmp_path, inline):
    local = run_with(tmp_path / "local", "local", intermediate="fail")
    outcome = run_with(tmp_path / "inline", "inline", intermediate="fail")
    assert set(outcome.failed) == set(local.failed) and outcome.failed
    assert set(outcome.skipped) == set(local.skipped) and outcome.skipped


@pytest.mark.parametrize("what", ["fail", "silence", "escape", "nothing"])
@pytest.mark.parametrize("name", EXECUTORS)
def test_every_executor_ends_every_stage_once_and_leaves_no_worker(name: str, what: str, tmp_path: Path) -> None:
    """`what` befalls one kind of stage: see `tests.unit.planning.world.run_job`."""
    events: list[Event] = []
    before = psutil.Process().children()
    behaviour = environment(tmp_path, {"intermediate": what})
    outcome = run_graph(GRAPH, Store(tmp_path / "store"), behaviour, 3, events.append, executor=name, runner=RUNNER)
    ended = Counter(event.key for event in events if event.kind in ("finished", "failed"))
    skipped = {stage.key for stage in outcome.skipped}
    assert ended == Counter(GRAPH.stages.keys() - skipped)
    assert {GRAPH.stages[failure.key].kind for failure in outcome.failed} == {"intermediate"}
    assert not set(psutil.Process().children()) - set(before)


def test_an_executor_is_closed_when_a_run_is_interrupted(tmp_path, inline):
    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_graph(
            GRAPH, Store(tmp_path / "store"), environment(tmp_path), 1, interrupt, executor="inline", runner=RUNNER
        )
    assert inline.instances[0].closed == 1
    assert Store(tmp_path / "store").locked() == {}


def test_measuring_memory_is_optional(tmp_path):
    executor: Executor = LocalExecutor(environment(tmp_path), 1, RUNNER)
    assert isinstance(executor, MeasuresMemory) and executor.used_memory_mb() == 0
    other: Executor = InlineExecutor(environment(tmp_path), 1, RUNNER)
    assert not isinstance(other, MeasuresMemory)


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_registered_executor_can_be_imported(name):
    assert executor_type(name).default_workers("cpu") >= 1


def test_an_unknown_executor_is_rejected(tmp_path):
    with pytest.raises(UserError, match="'slrum'") as error:
        run_with(tmp_path, "slrum")
    assert "local" in error.value.hint
    assert not (tmp_path / "store").exists()
