"""Runs with real worker processes, which call `tests.unit.planning.world.run_job`."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.unit.planning.world import RUNNER, TASKS, environment, recipe, results

from xstilts.config.recipe import Target
from xstilts.config.training import Train
from xstilts.execution.environment import Event
from xstilts.execution.run import RunResult, graph_status, run_graph
from xstilts.planning.expand import Graph, expand
from xstilts.store.store import Store

GRAPH = expand(recipe(), TASKS, "1234")
SMALL = expand(recipe(seeds=(0,), fewshot=None, primary=None), TASKS, "1234")


class Events(list[Event]):
    def of(self, kind: str) -> list[Event]:
        return [event for event in self if event.kind == kind]


def engine(root: Path, graph: Graph = SMALL, workers: int = 2, **behaviour: str) -> tuple[RunResult, Events]:
    events = Events()
    outcome = run_graph(
        graph, Store(root / "store"), environment(root, behaviour), workers, events.append, runner=RUNNER
    )
    return outcome, events


def titles(graph: Graph, keys: tuple[str, ...]) -> set[str]:
    return {graph.stages[key].title for key in keys}


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    first, events = engine(tmp_path, GRAPH)
    assert set(first.done) == GRAPH.stages.keys()
    assert (first.hits, first.failed, first.skipped) == ((), (), ())
    assert first.peak_memory_mb > 20
    assert Counter(event.key for event in events.of("finished")) == Counter(GRAPH.stages.keys())
    stored = results(tmp_path)
    second, events = engine(tmp_path, GRAPH)
    assert (second.done, set(second.hits), events) == ((), set(GRAPH.stages), [])
    assert results(tmp_path) == stored
    assert not list((tmp_path / "store" / "locks").iterdir())


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    engine(tmp_path / "one", GRAPH, workers=1)
    engine(tmp_path / "three", GRAPH, workers=3)
    assert results(tmp_path / "one") == results(tmp_path / "three")
    assert len(results(tmp_path / "one")) == len(GRAPH.stages)


@pytest.fixture
def workers() -> Callable[[], set[psutil.Process]]:
    """The processes that were started since the test began: others may be left from other tests."""
    others = set(psutil.Process().children())
    return lambda: set(psutil.Process().children()) - others


def test_there_are_at_most_as_many_workers_as_jobs(tmp_path: Path, workers: Callable[[], set[psutil.Process]]) -> None:
    most = 0

    def count(event: Event) -> None:
        nonlocal most
        most = max(most, len(workers()))

    graph = expand(recipe(seeds=(0,), targets={"pairs": Target(layer=1)}, fewshot=None, primary=None), TASKS, "1234")
    run_graph(graph, Store(tmp_path / "store"), environment(tmp_path), 8, count, runner=RUNNER)
    assert most == 2  # the stages of `none`, and the intermediate stage or what follows it
    assert not workers()


def test_the_longest_paths_start_first(tmp_path: Path) -> None:
    _, events = engine(tmp_path, GRAPH, workers=1)
    kinds = [GRAPH.stages[event.key].kind for event in events.of("started")]
    assert kinds[:3] == ["pretrained", "intermediate", "intermediate"]
    last_target = max(at for at, kind in enumerate(kinds) if kind == "target")
    assert last_target < min(kinds.index(kind) for kind in ("evaluate", "fewshot", "retrieve"))


def test_a_failure_skips_only_dependent_stages(tmp_path: Path) -> None:
    outcome, events = engine(tmp_path, intermediate="fail")
    (failure,) = outcome.failed
    assert (failure.title, failure.message, failure.hint) == (
        "intermediate facts, seed 0",
        "no such thing",
        "bring one",
    )
    assert {skipped.because for skipped in outcome.skipped} == {failure.title}
    assert len(outcome.done) + len(outcome.skipped) + 1 == len(SMALL.stages)
    assert {SMALL.stages[key].kind for key in outcome.done} == {
        "pretrained",
        "target",
        "evaluate",
        "choose-layer",
        "retrieve",
    }
    assert len(events.of("failed")) == 1
    resumed, _ = engine(tmp_path)
    assert set(resumed.done) == {failure.key, *(skipped.key for skipped in outcome.skipped)}
    assert resumed.failed == ()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("die", "its worker process ended with exit code 9\nout of everything"),
        ("nothing", "it finished without a complete artifact"),
        ("silence", "the job ended without reporting on this stage"),
    ],
)
def test_failed_stages_do_not_affect_others(tmp_path: Path, what: str, message: str) -> None:
    outcome, _ = engine(tmp_path, fi=what)
    assert titles(SMALL, tuple(failure.key for failure in outcome.failed)) == {"evaluate topic fi"}
    assert {failure.message for failure in outcome.failed} == {message}
    assert len(outcome.failed) == 3
    assert outcome.skipped == ()
    assert len(outcome.done) == len(SMALL.stages) - 3
    resumed, _ = engine(tmp_path)
    assert set(resumed.done) == {failure.key for failure in outcome.failed}


def test_an_exception_of_the_runner_is_reported(tmp_path: Path) -> None:
    outcome, _ = engine(tmp_path, intermediate="escape")
    (failure,) = outcome.failed
    assert failure.message.startswith("Traceback") and "nobody caught this" in failure.message


def test_a_runner_that_cannot_be_imported_is_reported(tmp_path: Path) -> None:
    events = Events()
    outcome = run_graph(
        SMALL, Store(tmp_path / "store"), environment(tmp_path), 1, events.append, runner="no.such.runner"
    )
    (failure,) = outcome.failed
    assert "No module named 'no'" in failure.message
    assert len(outcome.skipped) == len(SMALL.stages) - 1


def test_a_stage_with_two_threads_counts_as_two_workers(tmp_path: Path) -> None:
    def stages_at_once(threads: int) -> int:
        target = Target(languages=("de",), train=Train(threads=threads))
        graph = expand(recipe(targets={"topic": target}, fewshot=None, primary=None), TASKS, "1234")
        _, events = engine(tmp_path / str(threads), graph, workers=2, target="sleep0.2")
        running, most = set[str](), 0
        for event in events:
            if graph.stages[event.key].kind == "target":
                (running.add if event.kind == "started" else running.discard)(event.key)
                most = max(most, len(running))
        return most

    assert stages_at_once(1) == 2
    assert stages_at_once(2) == 1
    assert stages_at_once(5) == 1


SCRIPT = """
import sys
from pathlib import Path
from tests.integration.test_engine import GRAPH, RUNNER
from tests.unit.planning.world import environment
from xstilts.execution.run import run_graph
from xstilts.store.store import Store
root = Path(sys.argv[1])
def log(event):
    print(event.kind, event.key, flush=True)
outcome = run_graph(GRAPH, Store(root / "store"), environment(root, {"fewshot": "sleep0.05"}), 2, log, runner=RUNNER)
print("done", len(outcome.done), "hits", len(outcome.hits), flush=True)
"""


def other_process(root: Path) -> "subprocess.Popen[str]":
    # Scripts that call the library need no `if __name__ == "__main__"`.
    root.mkdir(exist_ok=True)
    script = root / "script.py"
    script.write_text(SCRIPT)
    repository = Path(__file__).parents[2]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(repository), str(repository / "src")])}
    return subprocess.Popen(
        [sys.executable, script, str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_run_resumes(tmp_path: Path, number: signal.Signals) -> None:
    engine(tmp_path / "whole", GRAPH, workers=1)
    process = other_process(tmp_path / "killed")
    wait_for(lambda: len(results(tmp_path / "killed")) > 20)
    workers = psutil.Process(process.pid).children()
    assert workers
    process.send_signal(number)
    process.communicate(timeout=30)
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    stored = results(tmp_path / "killed")
    assert 20 < len(stored) < len(GRAPH.stages)
    resumed, _ = engine(tmp_path / "killed", GRAPH)
    assert set(resumed.hits) == stored.keys()
    assert resumed.failed == ()
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


def test_two_processes_share_the_work(tmp_path: Path) -> None:
    processes = [other_process(tmp_path) for _ in range(2)]
    events = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], events
    started = Counter(line.split()[1] for out, _ in events for line in out.splitlines() if line.startswith("started"))
    assert started == Counter(GRAPH.stages.keys())


def test_a_stage_of_another_process_is_awaited(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = next(iter(SMALL.stages.values()))
    code = f"""
import time
from tests.integration.test_engine import SMALL
from tests.unit.planning.world import leave
from xstilts.store.store import Store
from pathlib import Path
store = Store(Path({str(tmp_path / "store")!r}))
first = next(iter(SMALL.stages.values()))
with store.lock(first.key):
    print("locked", flush=True)
    time.sleep(2)
    leave(store, first)
"""
    repository = Path(__file__).parents[2]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(repository), str(repository / "src")])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=variables) as other:
        assert other.stdout and other.stdout.readline() == "locked\n"
        now = graph_status(SMALL, store)
        assert now.finished == () and now.missing == tuple(SMALL.stages)
        assert now.running.keys() == {first.key} and f"process {other.pid} " in now.running[first.key]
        outcome, events = engine(tmp_path)
    assert outcome.hits == (first.key,)
    assert len(outcome.done) == len(SMALL.stages) - 1
    assert first.key in {event.key for event in events.of("finished")}
    assert first.key not in {event.key for event in events.of("started")}
    assert graph_status(SMALL, store).missing == ()


def test_removed_artifacts_are_recreated_only_if_needed(tmp_path: Path) -> None:
    engine(tmp_path)
    store = Store(tmp_path / "store")
    intermediate = next(key for key, spec in SMALL.stages.items() if spec.kind == "intermediate")
    shutil.rmtree(store.path(intermediate))
    again, _ = engine(tmp_path)
    assert again.done == () and intermediate not in again.hits
    leaf = next(key for key, spec in SMALL.stages.items() if spec.kind == "retrieve" and intermediate in spec.inputs)
    shutil.rmtree(store.path(leaf))
    needing, _ = engine(tmp_path)
    assert needing.done == (intermediate, leaf)


def test_a_stage_over_the_time_limit_is_stopped_and_fails(
    tmp_path: Path, workers: Callable[[], set[psutil.Process]]
) -> None:
    events = Events()
    limited = replace(environment(tmp_path, {"fi": "sleep60"}), stage_timeout=5.0)
    outcome = run_graph(SMALL, Store(tmp_path / "store"), limited, 2, events.append, runner=RUNNER)
    assert titles(SMALL, tuple(failure.key for failure in outcome.failed)) == {"evaluate topic fi"}
    assert all("after 5 s" in failure.message and "--stage-timeout" in failure.message for failure in outcome.failed)
    assert len(outcome.done) == len(SMALL.stages) - len(outcome.failed)
    assert not workers()


def test_a_suspended_worker_is_reported_and_stopped_by_the_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: Callable[[], set[psutil.Process]]
) -> None:
    monkeypatch.setattr("xstilts.execution.local.SILENCE_SECONDS", 1.0)
    events = Events()
    first = next(iter(SMALL.stages.values()))

    def suspend(event: Event) -> None:
        events.append(event)
        if event.kind == "started" and event.key == first.key:
            (worker,) = workers()
            worker.suspend()

    limited = replace(environment(tmp_path, {first.kind: "sleep3"}), stage_timeout=5.0)
    outcome = run_graph(SMALL, Store(tmp_path / "store"), limited, 1, suspend, runner=RUNNER)
    warning = events.of("warning")[0]
    assert warning.key == first.key and first.title in warning.message
    assert [failure.key for failure in outcome.failed] == [first.key]


def test_a_healthy_worker_is_not_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xstilts.execution.local.SILENCE_SECONDS", 6.5)
    outcome, events = engine(tmp_path, pretrained="sleep8", workers=1)
    assert not outcome.failed and not events.of("warning")


def test_a_run_says_for_whom_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xstilts.execution.scheduler.WAIT_NOTICE_SECONDS", 0.2)
    store = Store(tmp_path / "store")
    first = next(iter(SMALL.stages.values()))
    lock = store.lock(first.key)
    threading.Timer(3, lock.release).start()
    outcome, events = engine(tmp_path)
    (warning,) = events.of("warning")
    assert warning.key == first.key and first.title in warning.message
    assert f"process {os.getpid()} on " in warning.message and " since " in warning.message
    assert len(outcome.done) == len(SMALL.stages)
