from dataclasses import replace
from pathlib import Path

import pytest
from tests.facts import facts_for
from tests.unit.planning.world import TASKS, leave, recipe

from xstilts.config.recipe import Fewshot
from xstilts.config.training import Train
from xstilts.execution.preview import missing_stages, preview
from xstilts.planning.expand import Graph, expand
from xstilts.planning.specs import Spec
from xstilts.store.store import Store

GRAPH = expand(recipe(), TASKS, "1234")
SECONDS = {"pretrained": 1.0, "intermediate": 30.0, "target": 10.0, "evaluate": 2.0, "fewshot": 4.0}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fill(store: Store, graph: Graph, kinds: set[str] | None = None) -> None:
    for spec in graph.stages.values():
        if kinds is None or spec.kind in kinds:
            write(store, spec, SECONDS.get(spec.kind, 1.0))


def write(store: Store, spec: Spec, seconds: float) -> None:
    with store.draft(spec) as draft:
        (draft.path / "rows").write_text("x" * 100)
        draft.facts = facts_for(spec)
        draft.seconds = seconds


def test_costs_are_unknown_before_the_first_run(store: Store) -> None:
    plan = preview(GRAPH, store)
    assert plan.hits == () and plan.misses == tuple(GRAPH.stages)
    assert (plan.seconds, plan.longest_path_seconds, plan.bytes, plan.peak_memory_mb) == (None, None, None, None)
    assert plan.unmeasured == len(GRAPH.stages)
    assert plan.elapsed(2) is None
    assert not store.root.exists()


def test_nothing_is_missing_after_a_run(store: Store) -> None:
    fill(store, GRAPH)
    plan = preview(GRAPH, store)
    assert plan.misses == () and set(plan.hits) == GRAPH.stages.keys()
    assert (plan.seconds, plan.longest_path_seconds, plan.bytes, plan.unmeasured) == (0, 0, 0, 0)


def test_expected_costs_are_those_of_similar_stages(store: Store) -> None:
    fill(store, GRAPH)
    more = expand(recipe(seeds=(0, 1, 2)), TASKS, "1234")
    plan = preview(more, store)
    by_kind = {kind.kind: kind for kind in plan.kinds}
    assert (by_kind["intermediate"].misses, by_kind["intermediate"].seconds) == (1, 30.0)
    assert (by_kind["target"].misses, by_kind["target"].seconds) == (3, 30.0)
    assert (by_kind["evaluate"].misses, by_kind["evaluate"].seconds) == (9, 18.0)
    assert (by_kind["fewshot"].misses, by_kind["fewshot"].seconds) == (24, 96.0)
    assert plan.bytes == 100 * len(plan.misses)
    assert plan.longest_path_seconds == 30 + 10 + 4
    assert plan.seconds == 30 + 30 + 18 + 96 + 2
    assert plan.elapsed(1) == plan.seconds
    assert plan.elapsed(100) == plan.longest_path_seconds
    assert plan.peak_memory_mb and plan.peak_memory_mb > 1


def test_the_most_similar_stages_are_used(store: Store) -> None:
    short = expand(recipe(fewshot=Fewshot(train=Train(steps=5)), primary=None, seeds=(0,)), TASKS, "1234")
    for spec in (*short.stages.values(), *GRAPH.stages.values()):
        is_short = spec.key in short.stages and spec.key not in GRAPH.stages
        write(store, spec, 1.0 if is_short else SECONDS.get(spec.kind, 1.0))
    again = expand(recipe(fewshot=Fewshot(train=Train(steps=5)), primary=None, seeds=(7,)), TASKS, "1234")
    kind = next(kind for kind in preview(again, store).kinds if kind.kind == "fewshot")
    assert kind.seconds == kind.misses * 1.0


def test_costs_of_another_encoder_are_not_used(store: Store) -> None:
    fill(store, GRAPH)
    plan = preview(expand(recipe(), TASKS, "5678"), store)
    assert plan.seconds is None and plan.unmeasured == len(GRAPH.stages)


def test_costs_of_a_new_kind_are_unknown(store: Store) -> None:
    fill(store, GRAPH, {"pretrained", "intermediate"})
    plan = preview(expand(recipe(seeds=(0, 1, 2)), TASKS, "1234"), store)
    by_kind = {kind.kind: kind for kind in plan.kinds}
    assert (by_kind["intermediate"].misses, by_kind["intermediate"].seconds) == (1, 30.0)
    assert by_kind["target"].seconds is None
    assert by_kind["target"].unmeasured == by_kind["target"].misses == 9


def test_removed_artifacts_are_missing_only_if_needed() -> None:
    scores = {cell.artifact for cell in GRAPH.cells}
    assert missing_stages(GRAPH, scores) == ()
    lost = next(key for key in scores if GRAPH.stages[key].kind == "fewshot")
    again = missing_stages(GRAPH, scores - {lost})
    ancestors, queue = set(), [lost]
    while queue:
        ancestors.add(key := queue.pop())
        queue += GRAPH.stages[key].inputs
    assert set(again) == ancestors
    assert again[-1] == lost and GRAPH.stages[again[0]].kind == "pretrained"


def test_a_stage_without_a_score_is_run_where_no_other_stage_reads_it() -> None:
    graph = replace(GRAPH, cells=())
    read = {key for spec in GRAPH.stages.values() for key in spec.inputs}
    assert missing_stages(graph, ()) == tuple(GRAPH.stages)
    assert missing_stages(graph, GRAPH.stages.keys() - read) == ()


def test_a_damaged_artifact_is_a_miss(store: Store) -> None:
    for spec in GRAPH.stages.values():
        leave(store, spec)
    key = GRAPH.cells[0].artifact
    (store.path(key) / "result.txt").write_text("")
    assert preview(GRAPH, store).misses == (key,)
