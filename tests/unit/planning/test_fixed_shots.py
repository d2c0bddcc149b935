"""Published few-shot sets in a recipe: what is planned, what is left out and named, what makes no sense."""

from dataclasses import replace

import pytest
from tests.unit.planning.world import TASKS, recipe

from xstilts.config.recipe import Arm, Fewshot, Primary, Target
from xstilts.planning.expand import build
from xstilts.planning.specs import FewshotStage
from xstilts.recipe.resolve import published
from xstilts.recipe.validate import flaws

LADDER = {"de": ("1", "4", "2x2", "4x1"), "fi": ("1",)}
PUBLISHED = {**TASKS, "topic": replace(TASKS["topic"], ladder=LADDER)}


def shots(*ladder: int | str, published: bool = True, **more: object) -> dict[str, object]:
    fewshot = Fewshot(shots=ladder, draws=2, published=published, methods=("head", "full"))
    return {"fewshot": fewshot, "primary": None} | more


def found(**changes: object) -> list[str]:
    return [str(flaw) for flaw in flaws(recipe(**changes), PUBLISHED)]


def test_published_sets_stand_beside_draws_of_our_own() -> None:
    graph = build(recipe(**shots(1, 4, "2x2", "4x1")), PUBLISHED, "pin")
    cells = [cell for cell in graph.cells if (cell.intermediate, cell.seed) == ("none", 0)]
    sets = {(c.method, c.shots, c.draw, c.language) for c in cells if c.method.startswith("published")}
    assert sets == {
        ("published", 1, 0, "de"),
        ("published", 4, 0, "de"),
        ("published-2x2", 4, 0, "de"),
        ("published-4x1", 4, 0, "de"),
        ("published", 1, 0, "fi"),
    }
    drawn = {(c.method, c.shots, c.draw, c.language) for c in cells if c.method in ("head", "full")}
    assert len(drawn) == 2 * 2 * 2 * 2
    for cell in cells:
        stage = graph.stages[cell.artifact]
        if isinstance(stage, FewshotStage) and stage.published:
            assert (stage.method, stage.draw, stage.shots_language) == ("head", 0, cell.language)
            assert stage.title.endswith(f"(head), published {stage.published}, seed 0")


def test_draws_keep_the_keys_that_they_have_without_published_sets() -> None:
    beside = build(recipe(**shots(1, 4, "2x2")), PUBLISHED, "pin")
    alone = build(recipe(**shots(1, 4, published=False)), TASKS, "pin")
    assert alone.stages.keys() < beside.stages.keys()


def test_languages_without_a_set_are_left_out_and_named_once() -> None:
    graph = build(recipe(**shots(1, 16)), PUBLISHED, "pin")
    assert graph.left_out == ("topic: no published shots 16 in de, fi",)
    assert build(recipe(), PUBLISHED, "pin").left_out == ()


def test_languages_without_examples_to_draw_from_are_left_out_and_named() -> None:
    """As MaRVL in Swahili and Tamil, of which the counts alone are known, or XQuAD, whose files are."""
    splits = {"fi": ("dev", "test", "shots-1"), "de": ("train", "test")}
    sizes = {language: {"test": 5} for language in ("en", "th")}
    task = replace(PUBLISHED["topic"], splits=splits, sizes=sizes, ladder={"fi": ("1",)})
    target = Target(languages=("de", "fi", "th", "sw"))
    fewshot = Fewshot(shots=(1,), draws=1, published=True, mixed=True)
    graph = build(recipe(targets={"topic": target}, fewshot=fewshot, primary=None), {**PUBLISHED, "topic": task}, "pin")
    languages = {
        method: {cell.language for cell in graph.cells if cell.method == method}
        for method in ("full", "mixed", "published")
    }
    assert languages == {"full": {"de", "sw"}, "mixed": {"de", "sw"}, "published": {"fi"}}
    assert graph.left_out == (
        "topic: no split train to draw shots from in fi, th",
        "topic: no published shots 1 in de, th, sw",
    )
    arm = Arm(intermediate="facts", shots=1)
    primary = Primary(task="topic", treatment=arm, baseline=Arm(intermediate="none"), languages=("th",))
    (flaw,) = flaws(recipe(targets={"topic": target}, fewshot=fewshot, primary=primary), {**PUBLISHED, "topic": task})
    assert str(flaw) == "primary.languages: 'th' is not among the languages of these arms"


def test_a_set_whose_file_is_not_at_hand_is_none() -> None:
    task = replace(PUBLISHED["topic"], splits={"de": ("train", "test", "shots-1", "shots-2x2")})
    assert (published(task, "de"), published(task, "fi"), published(task, "sw")) == (("1", "2x2"), ("1",), ())


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        (shots(1, "2x2", published=False), "fewshot.shots: '2x2' is the name of a published set: say `publ"),
        (shots(3, 7), "fewshot.published: the targets have none of 3, 7; published sets: 1, 4, 2x2, 4x1"),
        (shots(1, "9x9"), "fewshot.shots: no target has a published set '9x9'; there are: 1, 4, 2x2, 4x1"),
    ],
)
def test_sets_that_there_are_not(changes: dict[str, object], flaw: str) -> None:
    assert any(told.startswith(flaw) for told in found(**changes)), found(**changes)


@pytest.mark.parametrize(
    ("arm", "more", "flaw"),
    [
        ({"shots": "2x2", "method": "head"}, {}, "primary.treatment.method: 2x2 is a published set: write"),
        ({"shots": 16, "method": "published"}, {}, "primary.treatment.shots: 'topic' has no published set 16"),
        ({"shots": 4, "method": "published"}, {"languages": ("fi",)}, "primary.languages: 'fi' is not among the lan"),
    ],
)
def test_a_primary_contrast_of_sets_that_there_are_not(arm: dict, more: dict, flaw: str) -> None:
    treatment, baseline = Arm(intermediate="facts", **arm), Arm(intermediate="none")
    primary = Primary(task="topic", treatment=treatment, baseline=baseline, **more)
    told = found(**shots(4, 16, "2x2", primary=primary))
    assert any(one.startswith(flaw) for one in told), told


def test_a_primary_contrast_may_name_a_published_set() -> None:
    arms = [Arm(intermediate=name, shots="2x2", method="published") for name in ("facts", "none")]
    primary = Primary(task="topic", treatment=arms[0], baseline=arms[1], languages=("de",))
    assert found(**shots(4, "2x2", primary=primary)) == []
    assert arms[0].named == ("published-2x2", 4)


def test_draws_of_our_own_may_be_fewer_than_published_sets() -> None:
    fewshot = Fewshot(shots=(1, 4), drawn=(1,), draws=2, published=True)
    graph = build(recipe(fewshot=fewshot, primary=None), PUBLISHED, "pin")
    counted = {(c.method, c.shots) for c in graph.cells if c.shots}
    assert counted == {("full", 1), ("published", 1), ("published", 4)}
    told = found(fewshot=Fewshot(shots=(1, 4), drawn=(1, 2), published=True))
    assert any(one.startswith("fewshot.drawn: 2 is not among `fewshot.shots`") for one in told)
    assert any("4 is not among `fewshot.drawn`; write `method: published`" in one for one in told)
