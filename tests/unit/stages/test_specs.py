"""Everything that dispatches on the kind of a stage knows every kind, and refuses one that it does not know."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest
from tests.unit.planning.world import LANGUAGES, TASKS, recipe

from xstilts.config.recipe import Fewshot, Intermediate, Target
from xstilts.config.training import Align, Train, Translate
from xstilts.encoders import find_card
from xstilts.execution.environment import Environment, Event
from xstilts.models.speed.activation_cache import ActivationCache
from xstilts.planning.expand import Graph, expand
from xstilts.planning.flops import StageFlops
from xstilts.planning.lengths import Lengths
from xstilts.planning.missing_files import missing_files
from xstilts.planning.specs import (
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
    TranslateStage,
)
from xstilts.planning.stage import Stage
from xstilts.stages import align, evaluate, intermediate, mine, pretrained, retrieve, target, translate
from xstilts.stages.fewshot import run as fewshot
from xstilts.stages.job import run_job, run_stage
from xstilts.stages.job_context import JobContext
from xstilts.store.store import Store

RUNNERS: dict[type, tuple[Any, str]] = {
    PretrainedStage: (pretrained, "run"),
    TranslateStage: (translate, "run"),
    AlignStage: (align, "run"),
    IntermediateStage: (intermediate, "run"),
    TargetStage: (target, "run"),
    FewshotStage: (fewshot, "run"),
    EvaluateStage: (evaluate, "run"),
    ChooseLayerStage: (retrieve, "choose"),
    RetrieveStage: (retrieve, "run"),
    MineStage: (mine, "run"),
}
FREE = (PretrainedStage, TranslateStage, AlignStage)
"""Kinds that the meter counts nothing for: a translation from a file, and what it leaves out."""


@dataclass(frozen=True, kw_only=True)
class UnknownStage(Stage):
    kind: ClassVar[str] = "unknown"


UNKNOWN: Any = UnknownStage()


SIZES = {language: {"train": 80, "dev": 10, "test": 20} for language in LANGUAGES}
SIZED = {name: replace(task, sizes=SIZES) for name, task in TASKS.items()}


def graph_of_all_kinds() -> Graph:
    small = recipe(
        seeds=(0,),
        intermediate={
            "none": Intermediate(),
            "translated": Intermediate(tasks=("facts",), translate=Translate(to=("de",), files={"facts": "facts.csv"})),
            "facts": Intermediate(tasks=("facts",), align=Align(task="pairs")),
        },
        targets={
            "topic": Target(languages=("de",)),
            "pairs": Target(languages=("de",)),
            "pools": Target(languages=("de",)),
        },
        fewshot=Fewshot(shots=(4,), draws=1, train=Train(steps=2)),
        primary=None,
    )
    return expand(small, SIZED, "pin", translators={"facts.csv": "pin"})


GRAPH = graph_of_all_kinds()
EXAMPLES: dict[type, Spec] = {type(spec): spec for spec in GRAPH.stages.values()}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(
        store=tmp_path / "store", cache=tmp_path / "cache", offline=True, device="cpu", tasks={}, base=tmp_path
    )


def test_the_graph_has_a_stage_of_every_kind_of_the_union() -> None:
    """What is asked of each kind below is asked of all of them. `reads()` of a spec belongs here too."""
    assert EXAMPLES.keys() == RUNNERS.keys() == set(get_args(Spec))
    assert len({spec.kind for spec in EXAMPLES.values()}) == len(EXAMPLES)


@pytest.mark.parametrize("kind", RUNNERS, ids=lambda kind: kind.kind)
def test_every_kind_is_run_by_its_runner_alone(
    kind: type, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[type, Spec]] = []
    for runner, (module, name) in RUNNERS.items():
        monkeypatch.setattr(module, name, lambda spec, *_, runner=runner: calls.append((runner, spec)))
    monkeypatch.setattr(JobContext, "use_images_of", lambda *_: None)
    store = Store(environment.store)
    context = JobContext(environment=environment, store=store, activation_cache=ActivationCache())
    spec = EXAMPLES[kind]
    with store.draft(spec) as draft:
        run_stage(spec, draft, context, lambda event: None)
    assert calls == [(kind, spec)]


@pytest.mark.parametrize("kind", RUNNERS, ids=lambda kind: kind.kind)
def test_the_meter_knows_the_operations_and_bytes_of_every_kind(kind: type) -> None:
    card = find_card("e5-small")
    meter = StageFlops(graph=GRAPH, tasks=SIZED, card=card)
    meter.forward.used.update({name: Lengths(sample=(12,), classes=2) for name in SIZED})
    flops, size = meter.flops(EXAMPLES[kind]), meter.bytes(EXAMPLES[kind])
    assert card.parameters and flops is not None
    assert size == (4 * card.parameters if kind in (IntermediateStage, TargetStage) else 0)
    assert flops == 0 if kind in FREE else flops > 0


def test_a_kind_without_a_runner_fails_and_leaves_no_artifact(environment: Environment) -> None:
    events: list[Event] = []
    run_job([UNKNOWN], environment, events.append)
    assert [event.kind for event in events] == ["started", "failed"]
    assert Store(environment.store).manifest(UNKNOWN.key) is None
    assert Store(environment.store).keys() == ()


def test_a_kind_that_the_plan_does_not_know_is_no_stage_that_costs_and_reads_nothing() -> None:
    meter = StageFlops(graph=GRAPH, tasks=SIZED, card=find_card("e5-small"))
    for ask in (meter.flops, meter.bytes):
        with pytest.raises(AssertionError):
            ask(UNKNOWN)
    with pytest.raises(AssertionError):
        missing_files(SIZED, Graph(stages={UNKNOWN.key: UNKNOWN}, cells=()))
