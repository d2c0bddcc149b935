"""Targets that are scored without training: planned stages and errors."""

import pytest
from tests.unit.planning.world import TASKS, recipe, task

from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.planning.expand import expand
from xstilts.planning.specs import EvaluateStage, FewshotStage, IntermediateStage, PretrainedStage, TargetStage
from xstilts.recipe.issues import dotted
from xstilts.recipe.validate import validate

ALL_TASKS = TASKS | {"captions": task("captions", "image-retrieval"), "about": task("about", "image-text")}
ARMS = {"none": Intermediate(), "about": Intermediate(tasks=("about",))}


def untrained(name: str = "captions", encoder: str = "google/siglip-base-patch16-256-multilingual", **settings):
    target = Target.model_validate({"languages": ("en", "de"), "skip_training": True} | settings)
    return recipe(
        encoder=encoder, intermediate=ARMS, targets={name: target}, primary=None, fewshot=Fewshot(shots=(4,), draws=1)
    )


def test_the_encoder_of_each_arm_is_scored_without_target_training():
    graph = expand(untrained(), ALL_TASKS, "pin")
    kinds = [type(spec) for spec in graph.stages.values()]
    assert TargetStage not in kinds
    assert kinds.count(EvaluateStage) == 2 * (
        1 + 2
    )  # languages x (the published encoder, an intermediate of two seeds)
    for spec in graph.stages.values():
        if isinstance(spec, EvaluateStage):
            assert isinstance(graph.stages[spec.parent], PretrainedStage | IntermediateStage)
            assert spec.skip_training is True
    seeds = {(cell.intermediate, cell.method): set() for cell in graph.cells}
    for cell in graph.cells:
        seeds[cell.intermediate, cell.method].add(cell.seed)
    assert seeds == {
        ("none", "zero-shot"): {None},
        ("none", "full"): {0, 1},
        ("about", "zero-shot"): {0, 1},
        ("about", "full"): {0, 1},
    }


def test_episodes_start_from_the_encoder_and_have_no_control_without_target():
    adapted = untrained().model_copy(update={"fewshot": Fewshot(shots=(4,), draws=1, without_target=True)})
    episodes = [spec for spec in expand(adapted, ALL_TASKS, "pin").stages.values() if isinstance(spec, FewshotStage)]
    assert len(episodes) == 4
    assert all(spec.fresh_head for spec in episodes)
    assert not any(cell.method == "without-target" for cell in expand(adapted, ALL_TASKS, "pin").cells)


def test_other_scores_keep_their_keys():
    plain = recipe(intermediate={"none": Intermediate()}, targets={"topic": Target()}, primary=None)
    keys = {s.key for s in expand(plain, ALL_TASKS, "pin").stages.values() if isinstance(s, EvaluateStage)}
    explicit = plain.model_copy(update={"targets": {"topic": Target(skip_training=False)}})
    assert keys == {s.key for s in expand(explicit, ALL_TASKS, "pin").stages.values() if isinstance(s, EvaluateStage)}
    spec = next(s for s in expand(plain, ALL_TASKS, "pin").stages.values() if isinstance(s, EvaluateStage))
    assert spec.skip_training is None


def issues(recipe: Recipe) -> list[tuple[str, str]]:
    """Code and path of every issue."""
    return [(issue.code, dotted(issue.path)) for issue in validate(recipe, ALL_TASKS)]


@pytest.mark.parametrize(
    ("recipe", "code", "path"),
    [
        (untrained("about"), "not-applicable", "targets.about.skip_training"),
        (untrained("topic"), "not-applicable", "targets.topic.skip_training"),
        (untrained(encoder="e5-small+efficientnet-lite0"), "no-training", "targets.captions.skip_training"),
    ],
)
def test_targets_that_must_be_trained_are_refused(recipe: Recipe, code: str, path: str):
    assert issues(recipe) == [(code, path)]


def test_an_encoder_that_reads_no_images_is_refused():
    assert issues(untrained(encoder="e5-small")) == [
        ("images-not-supported", "intermediate.about.tasks"),
        ("images-not-supported", "targets.captions"),
    ]


def test_equal_steps_without_training_are_refused():
    arms = {"intermediate": ARMS | {"more": Intermediate(match_steps_of="about")}}
    assert issues(untrained(intermediates=("none", "more")).model_copy(update=arms)) == [
        ("no-training", "targets.captions.intermediates")
    ]
    default = untrained().model_copy(update=arms)
    assert {cell.intermediate for cell in expand(default, ALL_TASKS, "pin").cells} == {"none", "about"}
