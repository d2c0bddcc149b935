"""Published few-shot sets in a recipe: what is planned, what is left out and named, what makes no sense."""

from dataclasses import replace

import pytest
from tests.unit.planning.world import TASKS, recipe

from xstilts.config.recipe import Arm, Fewshot, Primary, Target
from xstilts.planning.expand import expand
from xstilts.planning.specs import FewshotStage
from xstilts.recipe.resolve import fixed_shot_sets
from xstilts.recipe.validate import flaws

LADDER = {"de": ("1", "4", "2x2", "4x1"), "fi": ("1",)}
PUBLISHED = {**TASKS, "topic": replace(TASKS["topic"], fixed_shot_sizes=LADDER)}


def shots(*ladder: int | str, fixed_shots: bool = True, **more: object) -> dict[str, object]:
    fewshot = Fewshot(shots=ladder, draws=2, fixed_shots=fixed_shots, methods=("head", "full"))
    return {"fewshot": fewshot, "primary": None} | more


def found(**changes: object) -> list[str]:
    return [str(flaw) for flaw in flaws(recipe(**changes), PUBLISHED)]


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
            assert (stage.method, stage.draw, stage.shots_language) == ("head", 0, cell.language)
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
    (flaw,) = flaws(recipe(targets={"topic": target}, fewshot=fewshot, primary=primary), {**PUBLISHED, "topic": task})
    assert str(flaw) == "primary.languages: 'th' is not among the languages of these arms"


def test_a_set_whose_file_is_not_at_hand_is_none() -> None:
    task = replace(PUBLISHED["topic"], splits={"de": ("train", "test", "shots-1", "shots-2x2")})
    assert (fixed_shot_sets(task, "de"), fixed_shot_sets(task, "fi"), fixed_shot_sets(task, "sw")) == (
        ("1", "2x2"),
        ("1",),
        (),
    )


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        (shots(1, "2x2", fixed_shots=False), "fewshot.shots: '2x2' is the name of a published set: say `fixed"),
        (shots(3, 7), "fewshot.fixed_shots: the targets have none of 3, 7; published sets: 1, 4, 2x2, 4x1"),
        (shots(1, "9x9"), "fewshot.shots: no target has a published set '9x9'; there are: 1, 4, 2x2, 4x1"),
    ],
)
def test_sets_that_there_are_not(changes: dict[str, object], flaw: str) -> None:
    assert any(told.startswith(flaw) for told in found(**changes)), found(**changes)


@pytest.mark.parametrize(
    ("arm", "more", "flaw"),
    [
        ({"shots": "2x2", "method": "head"}, {}, "primary.treatment.method: 2x2 is a published set: write"),
        ({"shots": 16, "method": "fixed-shots"}, {}, "primary.treatment.shots: 'topic' has no published set 16"),
        ({"shots": 4, "method": "fixed-shots"}, {"languages": ("fi",)}, "primary.languages: 'fi' is not among the lan"),
    ],
)
def test_a_primary_contrast_of_sets_that_there_are_not(arm: dict, more: dict, flaw: str) -> None:
    treatment, baseline = Arm(intermediate="facts", **arm), Arm(intermediate="none")
    primary = Primary(task="topic", treatment=treatment, baseline=baseline, **more)
    told = found(**shots(4, 16, "2x2", primary=primary))
    assert any(one.startswith(flaw) for one in told), told


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
    told = found(fewshot=Fewshot(shots=(1, 4), sampled=(1, 2), fixed_shots=True))
    assert any(one.startswith("fewshot.sampled: 2 is not among `fewshot.shots`") for one in told)
    assert any("4 is not among `fewshot.sampled`; write `method: fixed-shots`" in one for one in told)
