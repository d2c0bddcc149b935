"""The trivial baseline of a recipe: one stage per task and language, and for tagging per k and draw."""

from dataclasses import replace

import pytest
from tests.unit.planning import world

from xstilts.config.recipe import Fewshot, Intermediate, Target
from xstilts.planning.expand import expand
from xstilts.planning.specs import MajorityStage
from xstilts.recipe.validate import estimated_stages

TARGETS = {"topic": Target(languages=("de", "fi")), "tags": Target(languages=("de",), max_items=9)}


def recipe_of(**settings):
    return world.recipe(**({"majority": True, "targets": TARGETS, "primary": None} | settings))


def graph_of(**settings):
    return expand(recipe_of(**settings), world.TASKS, "pin")


def arms(graph):
    cells = [cell for cell in graph.cells if cell.method == "majority"]
    return sorted((cell.task, cell.language, cell.shots, -1 if cell.draw is None else cell.draw) for cell in cells)


def test_one_stage_per_task_and_language_and_for_tagging_per_k_and_draw():
    graph = graph_of()
    assert arms(graph) == [
        *(("tags", "de", k, draw) for k, draw in ((0, -1), (1, 0), (1, 1), (4, 0), (4, 1))),
        ("tags", "en", 0, -1),
        *(("topic", language, 0, -1) for language in ("de", "en", "fi")),
    ]
    cells = [cell for cell in graph.cells if cell.method == "majority"]
    assert {(cell.intermediate, cell.seed) for cell in cells} == {("none", None)}
    assert sum(isinstance(stage, MajorityStage) for stage in graph.stages.values()) == len(cells)


def test_it_depends_on_neither_encoder_nor_seed():
    def keys(recipe, pin):
        stages = expand(recipe, world.TASKS, pin).stages
        return {key for key, stage in stages.items() if isinstance(stage, MajorityStage)}

    assert keys(recipe_of(), "pin") == keys(recipe_of(encoder="xlm-roberta-base", seeds=(5,)), "other")


def test_it_adds_nothing_but_its_own_stages():
    with_it, without = graph_of(), graph_of(majority=False)
    assert {stage.kind for key, stage in with_it.stages.items() if key not in without.stages} == {"majority"}
    assert set(without.stages) < set(with_it.stages)


def test_the_images_that_the_encoder_reads_decide_which_items_are_scored():
    tasks = world.TASKS | {"seen": world.task("seen", "image-text")}
    graph = expand(recipe_of(targets={"seen": Target(languages=("de",))}), tasks, "pin")
    stages = [stage for stage in graph.stages.values() if isinstance(stage, MajorityStage)]
    assert {graph.stages[key].kind for stage in stages for key in stage.inputs} == {"pretrained"}
    assert len(stages) == 2


@pytest.mark.parametrize("problem", ["span", "retrieval", "mining"])
def test_problems_without_labels_have_none(problem):
    tasks = world.TASKS | {"other": world.task("other", problem)}
    assert arms(expand(recipe_of(targets={"other": Target(languages=("de",))}), tasks, "pin")) == []


def test_it_belongs_to_the_baseline_of_the_target():
    intermediate = {"facts": Intermediate(tasks=("facts",)), "none": Intermediate()}
    for names, baseline in ((None, "none"), (("facts",), "facts")):
        targets = {"topic": Target(languages=("de",), intermediates=names)}
        graph = graph_of(intermediate=intermediate, targets=targets)
        assert {cell.intermediate for cell in graph.cells if cell.method == "majority"} == {baseline}


def test_shots_are_drawn_from_the_whole_pool_and_are_training_data():
    graph = graph_of()
    (stage,) = (graph.stages[c.artifact] for c in graph.cells if c.method == "majority" and (c.shots, c.draw) == (4, 1))
    assert isinstance(stage, MajorityStage)
    reads = {(read.data.language, read.split, read.role, read.data.max_examples) for read in stage.splits_read}
    assert reads == {("en", "train", "train", None), ("de", "train", "train", None), ("de", "test", "score", 9)}
    assert len(replace(stage, shots=0).splits_read) == 2


def test_the_estimate_of_stages_counts_it():
    estimates = [estimated_stages(recipe_of(majority=majority), world.TASKS) for majority in (True, False)]
    assert estimates[0] - estimates[1] == len(arms(graph_of()))


def test_fewshot_of_other_targets_adds_no_shots():
    graph = graph_of(fewshot=Fewshot(shots=(1,), draws=1, tasks=("topic",)))
    assert {shots for _, _, shots, _ in arms(graph)} == {0}
