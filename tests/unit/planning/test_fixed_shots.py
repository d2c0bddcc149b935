"""Published few-shot sets in a recipe: what is planned, what is left out and named, what makes no sense."""

from dataclasses import replace

import pytest
from tests.unit.planning.world import TASKS, recipe

from xstilts.config.recipe import Arm, Fewshot, Primary, Target
from xstilts.planning.expand import expand
from xstilts.planning.specs import FewshotStage
from xstilts.recipe.issues import dotted
from xstilts.recipe.resolve import fixed_shot_sets
from xstilts.recipe.validate import validate

LADDER = {"de": ("1", "4", "2x2", "4x1"), "fi": ("1",)}
PUBLISHED = {**TASKS, "topic": replace(TASKS["topic"], fixed_shot_sizes=LADDER)}


def shots(*ladder: int | str, fixed_shots: bool = True, **more: object) -> dict[str, object]:
    fewshot = Fewshot(shots=ladder, draws=2, fixed_shots=fixed_shots, methods=("head", "full"))
    return {"fewshot": fewshot, "primary": None} | more


def found(**changes: object) -> list[tuple[str, str]]:
    """Code and path of every issue."""
    return [(issue.code, dotted(issue.path)) for issue in validate(recipe(**changes), PUBLISHED)]


def test_published_sets_stand_beside_draws_of_our_own() -> None:
    graph = expand(recipe(**shots(1, 4, "2x2", "4x1")), PUBLISHED, "pin")
    cells = [cell for cell in graph.cells if (cell.intermediate, cell.seed) == ("none", 0)]
    sets = {(c.method, c.shots, c.draw, c.language) for c in cells if c.method.startswith("fixed-shots")}
    assert sets == {
        ("fixed-shots", 1, 0, "de"),
        ("fixed-shots", 4, 0, "de"),
        ("fixed-shots-2x2", 4, 0, "de"),
        ("fixed-shots-4x1", 4, 0, "de"),
        ("fixed-shots", 1, 0, "fi"),
    }
    drawn = {(c.method, c.shots, c.draw, c.language) for c in cells if c.method in ("head", "full")}
    assert len(drawn) == 2 * 2 * 2 * 2
    for cell in cells:
        stage = graph.stages[cell.artifact]
        if isinstance(stage, FewshotStage) and stage.fixed_shots:
            assert (stage.method.name, stage.draw, stage.shots_language) == ("head", 0, cell.language)
            assert stage.title.endswith(f"(head), published {stage.fixed_shots}, seed 0")


def test_draws_keep_the_keys_that_they_have_without_published_sets() -> None:
    beside = expand(recipe(**shots(1, 4, "2x2")), PUBLISHED, "pin")
    alone = expand(recipe(**shots(1, 4, fixed_shots=False)), TASKS, "pin")
    assert alone.stages.keys() < beside.stages.keys()


def test_languages_without_a_set_are_left_out_and_named_once() -> None:
    graph = expand(recipe(**shots(1, 16)), PUBLISHED, "pin")
    assert graph.skipped == ("topic: no published shots 16 in de, fi",)
    assert expand(recipe(), PUBLISHED, "pin").skipped == ()


def test_languages_without_examples_to_draw_from_are_left_out_and_named() -> None:
    """As MaRVL in Swahili and Tamil, of which the counts alone are known, or XQuAD, whose files are."""
    splits = {"fi": ("dev", "test", "shots-1"), "de": ("train", "test")}
    sizes = {language: {"test": 5} for language in ("en", "th")}
    task = replace(PUBLISHED["topic"], splits=splits, sizes=sizes, fixed_shot_sizes={"fi": ("1",)})
    target = Target(languages=("de", "fi", "th", "sw"))
    fewshot = Fewshot(shots=(1,), draws=1, fixed_shots=True, multilingual=True)
    graph = expand(
        recipe(targets={"topic": target}, fewshot=fewshot, primary=None), {**PUBLISHED, "topic": task}, "pin"
    )
    languages = {
        method: {cell.language for cell in graph.cells if cell.method == method}
        for method in ("full", "multilingual", "fixed-shots")
    }
    assert languages == {"full": {"de", "sw"}, "multilingual": {"de", "sw"}, "fixed-shots": {"fi"}}
    assert graph.skipped == (
        "topic: no split train to draw shots from in fi, th",
        "topic: no published shots 1 in de, th, sw",
    )
    arm = Arm(intermediate="facts", shots=1)
    primary = Primary(task="topic", treatment=arm, baseline=Arm(intermediate="none"), languages=("th",))
    changes = recipe(targets={"topic": target}, fewshot=fewshot, primary=primary)
    (issue,) = validate(changes, {**PUBLISHED, "topic": task})
    assert (issue.code, issue.path) == ("not-scored", ("primary", "languages"))


def test_a_set_whose_file_is_not_at_hand_is_none() -> None:
    task = replace(PUBLISHED["topic"], splits={"de": ("train", "test", "shots-1", "shots-2x2")})
    assert (fixed_shot_sets(task, "de"), fixed_shot_sets(task, "fi"), fixed_shot_sets(task, "sw")) == (
        ("1", "2x2"),
        ("1",),
        (),
    )


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        (shots(1, "2x2", fixed_shots=False), "fixed-shots-disabled", "fewshot.shots"),
        (shots(3, 7), "unknown-fixed-shots", "fewshot.fixed_shots"),
        (shots(1, "9x9"), "unknown-fixed-shots", "fewshot.shots"),
    ],
)
def test_sets_that_no_target_has(changes: dict[str, object], code: str, path: str) -> None:
    assert found(**changes) == [(code, path)]


def test_the_published_sets_are_named_where_another_is_asked_for() -> None:
    (issue,) = validate(recipe(**shots(3, 7)), PUBLISHED)
    assert "1, 4, 2x2, 4x1" in issue.hint


@pytest.mark.parametrize(
    ("arm", "more", "code", "path"),
    [
        ({"shots": "2x2", "method": "head"}, {}, "unknown-method", "primary.treatment.method"),
        ({"shots": 16, "method": "fixed-shots"}, {}, "unknown-fixed-shots", "primary.treatment.shots"),
        ({"shots": 4, "method": "fixed-shots"}, {"languages": ("fi",)}, "not-scored", "primary.languages"),
    ],
)
def test_a_primary_contrast_of_sets_that_the_task_does_not_have(arm: dict, more: dict, code: str, path: str) -> None:
    treatment, baseline = Arm(intermediate="facts", **arm), Arm(intermediate="none")
    primary = Primary(task="topic", treatment=treatment, baseline=baseline, **more)
    assert found(**shots(4, 16, "2x2", primary=primary)) == [(code, path)]


def test_a_primary_contrast_may_name_a_published_set() -> None:
    arms = [Arm(intermediate=name, shots="2x2", method="fixed-shots") for name in ("facts", "none")]
    primary = Primary(task="topic", treatment=arms[0], baseline=arms[1], languages=("de",))
    assert found(**shots(4, "2x2", primary=primary)) == []
    assert arms[0].named == ("fixed-shots-2x2", 4)


def test_draws_of_our_own_may_be_fewer_than_published_sets() -> None:
    fewshot = Fewshot(shots=(1, 4), sampled=(1,), draws=2, fixed_shots=True)
    graph = expand(recipe(fewshot=fewshot, primary=None), PUBLISHED, "pin")
    counted = {(c.method, c.shots) for c in graph.cells if c.shots}
    assert counted == {("full", 1), ("fixed-shots", 1), ("fixed-shots", 4)}
    assert found(fewshot=Fewshot(shots=(1, 4), sampled=(1, 2), fixed_shots=True)) == [
        ("unknown-shots", "fewshot.sampled"),
        ("unknown-shots", "primary.treatment.shots"),
        ("unknown-shots", "primary.baseline.shots"),
    ]
