from collections.abc import Iterable
from dataclasses import replace

import pytest
from pydantic import ValidationError
from tests.unit.planning.world import TASKS, recipe

from xstilts.config.files import Partition
from xstilts.config.recipe import Arm, Fewshot, Intermediate, Primary, Recipe, Target
from xstilts.config.training import Align, Mlm, Train, Translate
from xstilts.recipe.issues import Issue, dotted
from xstilts.recipe.resolve import fewshot_languages, intermediate_arms, scored_languages
from xstilts.recipe.validate import validate


def found(**changes: object) -> list[tuple[str, str]]:
    return codes(validate(recipe(**changes), TASKS))


def codes(issues: Iterable[Issue]) -> list[tuple[str, str]]:
    """Code and path of every issue."""
    return [(issue.code, dotted(issue.path)) for issue in issues]


def translated(task: str, **settings: object) -> dict[str, object]:
    arm = Intermediate(tasks=(task,), translate=Translate.model_validate({"to": "sw"} | settings))
    return {"intermediate": {"none": Intermediate(), "facts": arm}}


def primary(treatment: Arm, **more: object) -> Primary:
    return Primary(task="topic", treatment=treatment, baseline=Arm(intermediate="none")).model_copy(update=more)


def arm(**settings: object) -> dict[str, object]:
    return {"intermediate": {"none": Intermediate(), "facts": Intermediate.model_validate(settings)}}


def test_a_valid_recipe_has_no_issues() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"seeds": ()}, "empty-list", "seeds"),
        ({"seeds": (1, 0, 1)}, "duplicate-value", "seeds[2]"),
        ({"fewshot": Fewshot(shots=()), "primary": None}, "empty-list", "fewshot.shots"),
        ({"partition": {"intnet": Partition()}}, "unknown-task", "partition.intnet"),
        (arm(tasks=["fcts"]), "unknown-task", "intermediate.facts.tasks"),
        (arm(tasks=["facts"], language="de"), "unknown-language", "intermediate.facts.language"),
        (arm(tasks=["pairs"]), "not-trainable", "intermediate.facts.tasks"),
        (arm(tasks=["pools"]), "not-trainable", "intermediate.facts.tasks"),
        (arm(match_steps_of="fact"), "unknown-arm", "intermediate.facts.match_steps_of"),
        (arm(match_steps_of="none"), "no-training", "intermediate.facts.match_steps_of"),
        (arm(align={"task": "pears"}), "unknown-task", "intermediate.facts.align.task"),
        (arm(align={"task": "tags"}), "not-applicable", "intermediate.facts.align.task"),
        (
            arm(align={"task": "pairs", "languages": ["xx"]}),
            "unknown-language",
            "intermediate.facts.align.languages",
        ),
        (arm(align={"task": "pairs", "languages": []}), "empty-list", "intermediate.facts.align.languages"),
        (arm(align={"task": "pairs", "split": "test"}), "split-in-use", "intermediate.facts.align.split"),
        (
            arm(mlm={"texts": {"de": "de.txt"}}, shuffle_labels=True),
            "no-labels",
            "intermediate.facts.shuffle_labels",
        ),
        (
            {"targets": {"topic": Target(intermediates=("fact",))}, "primary": None},
            "unknown-arm",
            "targets.topic.intermediates",
        ),
        ({"targets": {"topic": Target(languages=("de", "xx"))}}, "unknown-language", "targets.topic.languages"),
        ({"targets": {"topic": Target(source_language="xx")}}, "unknown-language", "targets.topic.source_language"),
        ({"targets": {"topic": Target(layer=3)}}, "not-applicable", "targets.topic.layer"),
        ({"targets": {"pairs": Target(split="dev")}, "primary": None}, "split-in-use", "targets.pairs.split"),
        ({"targets": {"pools": Target(split="dev")}, "primary": None}, "split-in-use", "targets.pools.split"),
        (
            {"targets": {"pairs": Target(intermediates=("more-steps",))}, "primary": None},
            "no-training",
            "targets.pairs.intermediates",
        ),
        (
            {"targets": {"topic": Target(train=Train(refit=True))}, "head": "native"},
            "conflicting-keys",
            "targets.topic.train.refit",
        ),
        (
            {"targets": {"pairs": Target(train=Train(refit=True))}, "primary": None},
            "not-applicable",
            "targets.pairs.train.refit",
        ),
        ({"fewshot": Fewshot(train=Train(refit=True))}, "not-applicable", "fewshot.train.refit"),
        (arm(tasks=["facts"], train={"refit": True}), "not-applicable", "intermediate.facts.train.refit"),
        (
            arm(align={"task": "pairs", "train": {"refit": True}}),
            "not-applicable",
            "intermediate.facts.align.train.refit",
        ),
        ({"fewshot": Fewshot(tasks=("pairs",)), "primary": None}, "not-trainable", "fewshot.tasks"),
        ({"fewshot": Fewshot(tasks=("tags",)), "primary": None}, "unknown-target", "fewshot.tasks"),
        ({"fewshot": Fewshot(languages=("de", "sw"))}, "not-scored", "fewshot.languages"),
        (
            {"fewshot": Fewshot(shots=(4,), selection="english_dev", also_select="english_dev")},
            "redundant-value",
            "fewshot.also_select",
        ),
        (
            {"fewshot": Fewshot(shots=(4,), multilingual=True, languages=("de",))},
            "too-few-languages",
            "fewshot.multilingual",
        ),
        (
            {"fewshot": Fewshot(shots=(4,), multilingual=True, selection="target_dev")},
            "conflicting-keys",
            "fewshot.multilingual",
        ),
        ({"primary": primary(Arm(intermediate="no"))}, "unknown-arm", "primary.treatment.intermediate"),
        ({"primary": primary(Arm(intermediate="none", shots=3))}, "unknown-shots", "primary.treatment.shots"),
        (
            {"primary": primary(Arm(intermediate="none", shots=4, method="lora"))},
            "unknown-method",
            "primary.treatment.method",
        ),
        (
            {"primary": primary(Arm(intermediate="none", method="majority"))},
            "unknown-method",
            "primary.treatment.method",
        ),
        (
            {"primary": primary(Arm(intermediate="facts", method="majority")), "majority": True},
            "unknown-arm",
            "primary.treatment.intermediate",
        ),
        ({"primary": primary(Arm(intermediate="none", method="frozen"))}, "unknown-method", "primary.treatment.method"),
        ({"primary": primary(Arm(intermediate="facts"), task="tags")}, "unknown-target", "primary.task"),
        ({"primary": primary(Arm(intermediate="facts"), languages=("th",))}, "not-scored", "primary.languages"),
        (
            {"primary": primary(Arm(intermediate="facts"), languages=("de",)), "development_languages": ("de",)},
            "development-language",
            "primary.languages",
        ),
        ({"primary": primary(Arm(intermediate="none"))}, "same-arms", "primary"),
        (
            translated("facts", to=["sw", "xx"], model="a/b"),
            "unknown-language",
            "intermediate.facts.translate.to",
        ),
        (translated("facts", files={"topic": "a.csv"}), "missing-key", "intermediate.facts.translate.files"),
        (translated("tags", model="a/b"), "not-applicable", "intermediate.facts.translate.model"),
        (translated("pairs", model="a/b"), "not-trainable", "intermediate.facts.tasks"),
        ({"encoder": "e5-smal"}, "unknown-encoder", "encoder"),
        ({"encoder": "efficientnet-lite0"}, "no-text-encoder", "encoder"),
    ],
)
def test_each_issue_has_a_code_and_a_path(changes: dict[str, object], code: str, path: str) -> None:
    assert found(**changes) == [(code, path)]


def test_a_split_that_the_task_does_not_have() -> None:
    tasks = {**TASKS, "topic": replace(TASKS["topic"], sizes={"fi": {"train": 5, "test": 5}})}
    changes = recipe(targets={"topic": Target(split="validation")})
    (issue,) = validate(changes, tasks)
    assert (issue.code, issue.path) == ("unknown-split", ("targets", "topic", "split"))
    assert "'fi'" in issue.message and "train, test" in issue.message


def test_all_issues_are_reported_at_once() -> None:
    bad = Recipe(
        name="bad",
        seeds=(),
        targets={"topc": Target(), "pairs": Target(languages=("xx",))},
        fewshot=Fewshot(tasks=("pairs",)),
    )
    assert codes(validate(bad, TASKS)) == [
        ("empty-list", "seeds"),
        ("unknown-task", "targets.topc"),
        ("unknown-language", "targets.pairs.languages"),
        ("not-trainable", "fewshot.tasks"),
    ]


def test_what_follows_from_a_removed_part_is_not_reported() -> None:
    bad = recipe(
        seeds=(), intermediate={"none": Intermediate(), "more": Intermediate(match_steps_of="facts")}, primary=None
    )
    assert codes(validate(bad, TASKS)) == [("empty-list", "seeds"), ("unknown-arm", "intermediate.more.match_steps_of")]
    assert validate(bad, TASKS, removed=frozenset({("seeds", 0), ("intermediate", "facts")})) == ()


@pytest.mark.parametrize(
    "settings",
    [{"model": "a/b"}, {"to": "xx", "model": "a/b", "codes": {"xx": "xx_Latn"}}, {"to": "xx", "files": {"facts": "f"}}],
)
def test_translations_that_are_valid(settings: dict[str, object]) -> None:
    assert found(**translated("facts", **settings)) == []


def test_arms_with_more_steps_are_excluded_from_targets_without_training() -> None:
    assert intermediate_arms(recipe(), Target(), TASKS["pairs"]) == ("none", "facts")
    assert intermediate_arms(recipe(), Target(), TASKS["topic"]) == ("none", "facts", "more-steps")


def test_languages() -> None:
    assert scored_languages(Target(source_language="fi", languages=("de",)), TASKS["topic"]) == ("fi", "de")
    assert scored_languages(Target(), TASKS["topic"]) == ("en", "de", "fi", "th", "sw")
    english_too = replace(TASKS["pairs"], languages=("en", "de"))
    assert scored_languages(Target(), english_too) == ("de",)
    assert fewshot_languages(Fewshot(), Target(languages=("en", "de")), TASKS["topic"]) == ("de",)
    assert fewshot_languages(Fewshot(languages=("sw",)), Target(), TASKS["topic"]) == ("sw",)


def test_alignment_is_refused_on_a_split_that_the_task_lacks_or_that_its_family_is_scored_on() -> None:
    splits = {"de": ("test",), "fi": ("dev", "test")}
    arms = {"none": Intermediate(), "aligned": Intermediate(align=Align(task="pairs", languages=("de",)))}
    tasks = TASKS | {"pairs": replace(TASKS["pairs"], splits=splits)}
    (issue,) = validate(recipe(intermediate=arms, primary=None), tasks)
    assert (issue.code, dotted(issue.path)) == ("unknown-split", "intermediate.aligned.align.split")
    kin = {name: replace(TASKS[name], split_family="kin") for name in ("pairs", "topic")}
    arms = {"none": Intermediate(), "aligned": Intermediate(align=Align(task="pairs", split="test"))}
    changes = {"intermediate": arms, "targets": {"topic": Target()}, "primary": None}
    issues = validate(recipe(**changes), TASKS | kin)
    assert codes(issues) == [("split-in-use", "intermediate.aligned.align.split")]


def test_an_arm_with_only_mlm_or_alignment_is_not_a_baseline() -> None:
    read = Intermediate(mlm=Mlm(texts={"de": "de.txt"}))
    aligned = Intermediate(align=Align(task="pairs"))
    assert read.trains and aligned.trains and not Intermediate().trains
    assert aligned.reads == ("pairs",) and read.reads == ()
    arms = {"none": Intermediate(), "facts": aligned, "more": Intermediate(match_steps_of="facts")}
    assert found(intermediate=arms, primary=None) == []


@pytest.mark.parametrize("kind", [{"tasks": ["facts"]}, {"mlm": {"texts": {"de": "x"}}}, {"align": {"task": "pairs"}}])
def test_an_arm_that_matches_steps_has_no_training_of_its_own(kind: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Intermediate.model_validate(kind | {"match_steps_of": "facts"})
    (details,) = caught.value.errors()
    assert (details["type"], details["loc"]) == ("conflicting-keys", ())


@pytest.mark.parametrize("settings", [{"model": "a/b"}, {"files": {"many": "a.csv"}}])
def test_a_problem_whose_examples_are_not_translated(settings: dict[str, object]) -> None:
    tasks = TASKS | {"many": replace(TASKS["facts"], name="many", problem="multi-label")}
    issues = codes(validate(recipe(**translated("many", **settings)), tasks))
    assert ("not-applicable", "intermediate.facts.translate") in issues
