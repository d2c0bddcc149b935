"""The closed-form arms of a recipe: without shots, and on the encoder before target training."""

from collections import Counter

from tests.unit.planning import world

from xstilts.config.recipe import Fewshot
from xstilts.planning.expand import expand
from xstilts.planning.specs import FewshotStage


def graph_of(**settings):
    return expand(world.recipe(**settings), world.TASKS, "pin")


def test_every_closed_form_method_is_scored_without_shots():
    fewshot = Fewshot(shots=(1, 4), draws=2, methods=("full", "lda", "knn"))  # type: ignore[arg-type]
    cells = [cell for cell in graph_of(fewshot=fewshot).cells if cell.task == "topic" and cell.method != "zero-shot"]
    zero_shot = {(cell.method, cell.language) for cell in cells if not cell.shots}
    assert zero_shot == {(method, language) for method in ("lda", "knn") for language in ("en", "de", "fi")}
    assert {cell.draw for cell in cells if not cell.shots} == {None}


def test_the_frozen_encoder_has_the_zero_shot_score_and_every_draw():
    graph = graph_of(frozen=True, seeds=(0, 1))
    cells = [cell for cell in graph.cells if cell.method == "frozen" and cell.intermediate == "none"]
    assert Counter((cell.language, cell.shots) for cell in cells if cell.seed == 0) == {
        **dict.fromkeys([("en", 0), ("de", 0), ("fi", 0)], 1),
        **dict.fromkeys([(language, shots) for language in ("de", "fi") for shots in (1, 4)], 2),
    }
    stages = [graph.stages[cell.artifact] for cell in cells]
    assert all(isinstance(stage, FewshotStage) and stage.trains_on_source for stage in stages)
    assert len({stage.key for stage in stages}) == len(cells) / 2, "both seeds share the pretrained encoder"
    assert {stage.parent for stage in stages} == {
        key for key, stage in graph.stages.items() if stage.kind == "pretrained"
    }


def test_the_frozen_encoder_has_no_control_of_steps():
    methods = {(cell.intermediate, cell.method) for cell in graph_of(frozen=True).cells}
    assert ("facts", "frozen") in methods and ("more-steps", "frozen") not in methods
