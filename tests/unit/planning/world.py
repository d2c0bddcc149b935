"""A small recipe without data, and a stage runner without torch."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.facts import facts_for

from xstilts.config.recipe import Arm, Fewshot, Intermediate, Primary, Recipe, Target
from xstilts.execution.environment import Emit, Environment, Event
from xstilts.planning.specs import Spec
from xstilts.problems import ProblemName
from xstilts.store.store import Store
from xstilts.tasks.task import Task

RUNNER = "tests.unit.planning.world.run_job"
LANGUAGES = ("en", "de", "fi", "th", "sw")


def task(name: str, problem: ProblemName = "classification", languages: tuple[str, ...] = LANGUAGES) -> Task:
    return Task(
        name=name,
        problem=problem,
        suite=(),
        languages=languages,
        sources=(),
        read=lambda paths, language: {},
        fractions=None,
        licence="CC0",
        citation="none",
        url="https://example.org",
    )


TASKS = {
    "topic": task("topic"),
    "tags": task("tags", "tagging"),
    "pairs": task("pairs", "retrieval", LANGUAGES[1:]),
    "pools": task("pools", "mining", LANGUAGES[1:]),
    "facts": task("facts", languages=("en",)),
}


def recipe(**changes: object) -> Recipe:
    small = Recipe(
        name="small",
        seeds=(0, 1),
        intermediate={
            "none": Intermediate(),
            "facts": Intermediate(tasks=("facts",)),
            "more-steps": Intermediate(match_steps_of="facts"),
        },
        targets={"topic": Target(languages=("de", "fi")), "pairs": Target(languages=("de", "th"))},
        fewshot=Fewshot(shots=(1, 4), draws=2),
        frozen=False,
        majority=False,
        primary=Primary(
            task="topic", treatment=Arm(intermediate="facts", shots=4), baseline=Arm(intermediate="none", shots=4)
        ),
    )
    return small.model_copy(update=changes)


def environment(root: Path, behaviour: Mapping[str, str] | None = None) -> Environment:
    """`behaviour` maps languages or kinds of stage to what their stages do: see `run_job`."""
    base = root / "base"
    base.mkdir(parents=True, exist_ok=True)
    (base / "behaviour.json").write_text(json.dumps(behaviour or {}))
    return Environment(store=root / "store", cache=root / "cache", offline=True, device="cpu", tasks={}, base=base)


def run_job(specs: Sequence[Spec], environment: Environment, emit: Emit) -> None:
    """Stores, for each stage, a digest of its key and of the results of its inputs."""
    behaviour = json.loads((environment.base / "behaviour.json").read_text())
    store = Store(environment.store)
    for spec in specs:
        data = getattr(spec, "evaluation", getattr(spec, "data", None))
        action = behaviour.get(spec.kind, behaviour.get(getattr(data, "language", spec.kind)))
        if action == "silence":
            continue
        emit(Event(key=spec.key, kind="started"))
        if action == "die":
            print("out of everything", flush=True)
            os._exit(9)
        if action == "escape":
            raise RuntimeError("nobody caught this")
        if action == "fail":
            emit(Event(key=spec.key, kind="failed", message="no such thing", hint="bring one"))
            continue
        if action and action.startswith("sleep"):
            time.sleep(float(action.removeprefix("sleep")))
        if action != "nothing":
            leave(store, spec)
        emit(Event(key=spec.key, kind="finished", seconds=0.5))


def leave(store: Store, spec: Spec) -> None:
    digest = hashlib.sha256(spec.key.encode())
    for parent in spec.inputs:
        digest.update((store.path(parent) / "result.txt").read_bytes())
    with store.draft(spec) as draft:
        (draft.path / "result.txt").write_text(digest.hexdigest())
        draft.facts = facts_for(spec)


def results(root: Path) -> dict[str, str]:
    """The stored digests, by key."""
    return {path.parent.name: path.read_text() for path in (root / "store" / "artifacts").glob("*/result.txt")}
