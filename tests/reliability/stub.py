"""A run with stub stages in real worker processes, with the exit codes and messages of the command line."""

# Imports are inside functions, so that an interrupt while they load is handled by the command line.
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts.execution.environment import Emit, Environment, Event
    from xstilts.planning.specs import Spec

EXECUTED = "executed"
"""File in the base folder with the key of each stage that a worker has begun."""


def run_job(specs: "Sequence[Spec]", environment: "Environment", emit: "Emit") -> None:
    """As `world.run_job`; records each stage that begins."""
    from tests.unit.planning import world

    def record(event: "Event") -> None:
        if event.kind == "started":
            descriptor = os.open(environment.base / EXECUTED, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, f"{event.key}\n".encode())
            os.close(descriptor)
        emit(event)

    world.run_job(specs, environment, record)


def main(root: Path, workers: int, timeout: float | None = None) -> None:
    """Run the graph in the store below `root`, and end the process as `xstilts run` does."""
    from xstilts import cli

    call = cli._call

    def stub_call(tokens: Sequence[str]) -> int:
        from xstilts.api import runs

        runs.run = lambda *_, **__: _run(root, workers, timeout)  # pyright: ignore[reportAttributeAccessIssue]
        return call(tokens)

    cli._call = stub_call
    print("ready", flush=True)
    cli.main(["run", "smoke"])


def _run(root: Path, workers: int, timeout: float | None) -> None:
    from dataclasses import replace

    from tests.unit.planning import world

    from xstilts.api.runs import _failure
    from xstilts.execution.run import run_graph
    from xstilts.planning.expand import expand
    from xstilts.store.store import Store

    graph = expand(world.recipe(seeds=(0,)), world.TASKS, "1234")
    kinds = dict.fromkeys(("target", "intermediate", "fewshot"), "sleep0.02")
    environment = replace(world.environment(root, kinds), stage_timeout=timeout)
    runner = "tests.reliability.stub.run_job"
    outcome = run_graph(graph, Store(root / "store"), environment, workers, lambda _: None, runner=runner)
    if outcome.failed:
        raise _failure(outcome)
    print(f"{len(outcome.done)} stages run, {len(outcome.hits)} cached", file=sys.stderr)
    sys.exit(0)
