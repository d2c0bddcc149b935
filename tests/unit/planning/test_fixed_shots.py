"""Published few-shot sets in a recipe: planned stages, messages about missing sets, errors."""

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


def issues(**changes: object) -> list[tuple[str, str]]:
    """Code and path of every issue."""
    return [(issue.code, dotted(issue.path)) for issue in validate(recipe(**changes), PUBLISHED)]


def test_published_sets_are_added_to_sampled_shots() -> None:
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


def test_published_sets_do_not_change_keys_of_sampled_shots() -> None:
    both = expand(recipe(**shots(1, 4, "2x2")), PUBLISHED, "pin")
    sampled = expand(recipe(**shots(1, 4, fixed_shots=False)), TASKS, "pin")
    assert sampled.stages.keys() < both.stages.keys()


def test_languages_without_a_published_set_are_skipped_with_one_message() -> None:
    graph = expand(recipe(**shots(1, 16)), PUBLISHED, "pin")
    assert graph.skipped == ("topic: no published shots 16 in de, fi",)
    assert expand(recipe(), PUBLISHED, "pin").skipped == ()


def test_languages_without_a_pool_are_skipped_with_a_message() -> None:
    """Like MaRVL in Swahili and Tamil, where only sizes are known, or XQuAD, where only files are."""
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


def test_sets_without_a_file_are_not_available() -> None:
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
def test_unknown_sets_are_issues(changes: dict[str, object], code: str, path: str) -> None:
    assert issues(**changes) == [(code, path)]


def test_the_hint_lists_the_published_sets() -> None:
    (issue,) = validate(recipe(**shots(3, 7)), PUBLISHED)
    assert all(name in issue.hint for name in LADDER["de"])


@pytest.mark.parametrize(
    ("arm", "more", "code", "path"),
    [
        ({"shots": "2x2", "method": "head"}, {}, "unknown-method", "primary.treatment.method"),
        ({"shots": 16, "method": "fixed-shots"}, {}, "unknown-fixed-shots", "primary.treatment.shots"),
        ({"shots": 4, "method": "fixed-shots"}, {"languages": ("fi",)}, "not-scored", "primary.languages"),
    ],
)
def test_primary_contrasts_of_unknown_sets_are_issues(arm: dict, more: dict, code: str, path: str) -> None:
    treatment, baseline = Arm(intermediate="facts", **arm), Arm(intermediate="none")
    primary = Primary(task="topic", treatment=treatment, baseline=baseline, **more)
    assert issues(**shots(4, 16, "2x2", primary=primary)) == [(code, path)]


def test_primary_contrasts_can_use_a_published_set() -> None:
    arms = [Arm(intermediate=name, shots="2x2", method="fixed-shots") for name in ("facts", "none")]
    primary = Primary(task="topic", treatment=arms[0], baseline=arms[1], languages=("de",))
    assert issues(**shots(4, "2x2", primary=primary)) == []
    assert arms[0].named == ("fixed-shots-2x2", 4)


def test_fewer_ks_can_be_sampled_than_published() -> None:
    fewshot = Fewshot(shots=(1, 4), sampled=(1,), draws=2, fixed_shots=True)
    graph = expand(recipe(fewshot=fewshot, primary=None), PUBLISHED, "pin")
    arms = {(c.method, c.shots) for c in graph.cells if c.shots}
    assert arms == {("full", 1), ("fixed-shots", 1), ("fixed-shots", 4)}
    assert issues(fewshot=Fewshot(shots=(1, 4), sampled=(1, 2), fixed_shots=True)) == [
        ("unknown-shots", "fewshot.sampled"),
        ("unknown-shots", "primary.treatment.shots"),
        ("unknown-shots", "primary.baseline.shots"),
    ]
