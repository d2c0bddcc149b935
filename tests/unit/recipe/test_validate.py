from dataclasses import replace

import pytest
from tests.unit.planning.world import TASKS, recipe

from xstilts.config.recipe import Arm, Fewshot, Intermediate, Primary, Recipe, Target
from xstilts.config.training import Align, Mlm, Translate
from xstilts.recipe.resolve import fewshot_languages, intermediate_arms, scored_languages
from xstilts.recipe.validate import flaws


def found(**changes: object) -> list[str]:
    return [str(flaw) for flaw in flaws(recipe(**changes), TASKS)]


def translated(task: str, **settings: object) -> dict[str, object]:
    arm = Intermediate(tasks=(task,), translate=Translate.model_validate({"to": "sw"} | settings))
    return {"intermediate": {"none": Intermediate(), "facts": arm}}


def primary(treatment: Arm, **more: object) -> Primary:
    return Primary(task="topic", treatment=treatment, baseline=Arm(intermediate="none")).model_copy(update=more)


def arm(**settings: object) -> dict[str, object]:
    return {"intermediate": {"none": Intermediate(), "facts": Intermediate.model_validate(settings)}}


def test_a_recipe_that_makes_sense_has_no_flaws() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"seeds": ()}, "seeds: is empty"),
        ({"fewshot": Fewshot(shots=())}, "fewshot.shots: is empty"),
        (
            {"intermediate": {"none": Intermediate(), "facts": Intermediate(tasks=("fcts",))}},
            "intermediate.facts.tasks: there is no task 'fcts'",
        ),
        (
            {"intermediate": {"none": Intermediate(), "facts": Intermediate(tasks=("facts",), language="de")}},
            "intermediate.facts.language: task 'facts' has no de; it has en",
        ),
        (
            {"intermediate": {"none": Intermediate(), "facts": Intermediate(tasks=("pairs",))}},
            "intermediate.facts.tasks: 'pairs' is a retrieval task",
        ),
        (
            {"intermediate": {"none": Intermediate(), "facts": Intermediate(match_steps_of="fact")}},
            "intermediate.facts.match_steps_of: there is no intermediate arm 'fact'; did you mean 'facts'?",
        ),
        (
            {"intermediate": {"none": Intermediate(), "facts": Intermediate(match_steps_of="none")}},
            "intermediate.facts.match_steps_of: 'none' trains nothing",
        ),
        (
            arm(align={"task": "pears"}),
            "intermediate.facts.align.task: there is no task 'pears'",
        ),
        (
            arm(align={"task": "tags"}),
            "intermediate.facts.align.task: 'tags' is no retrieval task",
        ),
        (
            arm(align={"task": "pairs", "languages": ["xx"]}),
            "intermediate.facts.align.languages: task 'pairs' has no xx",
        ),
        (
            arm(align={"task": "pairs", "languages": []}),
            "intermediate.facts.align.languages: is empty",
        ),
        (
            arm(align={"task": "pairs", "split": "test"}),
            "intermediate.facts.align.split: 'test' of 'pairs' is scored, so nothing may be trained on it",
        ),
        (
            arm(mlm={"texts": {"de": "de.txt"}}, shuffle_labels=True),
            "intermediate.facts.shuffle_labels: there are no labels to shuffle",
        ),
        ({"targets": {"topic": Target(intermediates=("fact",))}}, "targets.topic.intermediates: there is no inter"),
        ({"targets": {"topic": Target(languages=("de", "xx"))}}, "targets.topic.languages: task 'topic' has no xx"),
        ({"targets": {"topic": Target(source_language="xx")}}, "targets.topic.source_language: task 'topic' has no"),
        ({"targets": {"topic": Target(layer=3)}}, "targets.topic.layer: is for retrieval"),
        ({"targets": {"pairs": Target(split="dev")}, "primary": None}, "targets.pairs.split: 'dev' gives the layer"),
        (
            {"targets": {"pairs": Target(intermediates=("more-steps",))}, "primary": None},
            "targets.pairs.intermediates: 'more-steps' adds steps",
        ),
        ({"fewshot": Fewshot(tasks=("pairs",)), "primary": None}, "fewshot.tasks: 'pairs' is a retrieval task"),
        (
            {"targets": {"pools": Target(split="dev")}, "primary": None},
            "targets.pools.split: 'dev' gives the layer and",
        ),
        (
            {"intermediate": {"none": Intermediate(), "facts": Intermediate(tasks=("pools",))}},
            "intermediate.facts.tasks: 'pools' is a mining task",
        ),
        ({"fewshot": Fewshot(tasks=("tags",)), "primary": None}, "fewshot.tasks: there is no target 'tags'"),
        (
            {"fewshot": Fewshot(languages=("de", "sw"))},
            "fewshot.languages: no target that gets shots is scored in",
        ),
        (
            {"fewshot": Fewshot(shots=(4,), selection="english_dev", also_select="english_dev")},
            "fewshot.also_select: is what `selection` says already: english_dev",
        ),
        (
            {"fewshot": Fewshot(shots=(4,), multilingual=True, languages=("de",))},
            "fewshot.multilingual: there is nothing to mix: no target is adapted to two languages",
        ),
        (
            {"fewshot": Fewshot(shots=(4,), multilingual=True, selection="target_dev")},
            "fewshot.multilingual: a model of several languages has no one language for `selection: target_dev`",
        ),
        ({"primary": primary(Arm(intermediate="no"))}, "primary.treatment.intermediate: there is no intermediate arm"),
        ({"primary": primary(Arm(intermediate="none", shots=3))}, "primary.treatment.shots: 3 is not among"),
        (
            {"primary": primary(Arm(intermediate="none", shots=4, method="lora"))},
            "primary.treatment.method: there is no method of `fewshot` 'lora'",
        ),
        ({"primary": primary(Arm(intermediate="none"), task="tags")}, "primary.task: there is no target 'tags'"),
        (
            {"primary": primary(Arm(intermediate="facts"), languages=("th",))},
            "primary.languages: 'th' is not among the languages",
        ),
        (
            {"primary": primary(Arm(intermediate="facts"), languages=("de",)), "development_languages": ("de",)},
            "primary.languages: 'de' is a development language",
        ),
        (
            translated("facts", to=["sw", "xx"], model="a/b"),
            "intermediate.facts.translate.to: 'xx' is no language that is known here",
        ),
        (
            translated("facts", files={"topic": "a.csv"}),
            "intermediate.facts.translate.files: names no file for 'facts'",
        ),
        (translated("tags", model="a/b"), "intermediate.facts.translate.model: 'tags' is a tagging task"),
        (translated("pairs", model="a/b"), "intermediate.facts.tasks: 'pairs' is a retrieval task"),
    ],
)
def test_each_flaw_is_told_with_its_place(changes: dict[str, object], flaw: str) -> None:
    assert any(told.startswith(flaw) for told in found(**changes)), found(**changes)


def test_a_split_that_the_task_does_not_have() -> None:
    tasks = {**TASKS, "topic": replace(TASKS["topic"], sizes={"fi": {"train": 5, "test": 5}})}
    changes = recipe(targets={"topic": Target(split="validation")})
    (flaw,) = flaws(changes, tasks)
    assert str(flaw) == "targets.topic.split: 'topic' has no split 'validation' in 'fi', only train, test"


def test_all_flaws_are_told_at_once() -> None:
    bad = Recipe(
        name="bad",
        seeds=(),
        targets={"topc": Target(), "pairs": Target(languages=("xx",))},
        fewshot=Fewshot(tasks=("pairs",)),
    )
    places = [".".join(flaw.where) for flaw in flaws(bad, TASKS)]
    assert places == ["seeds", "targets.topc", "targets.pairs.languages", "fewshot.tasks"]


@pytest.mark.parametrize(
    "settings",
    [{"model": "a/b"}, {"to": "xx", "model": "a/b", "codes": {"xx": "xx_Latn"}}, {"to": "xx", "files": {"facts": "f"}}],
)
def test_translations_that_make_sense(settings: dict[str, object]) -> None:
    assert found(**translated("facts", **settings)) == []


def test_more_steps_are_no_arm_of_a_target_without_training() -> None:
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
    told = [str(flaw) for flaw in flaws(recipe(intermediate=arms, primary=None), tasks)]
    assert "intermediate.aligned.align.split: 'pairs' has no split 'dev' in 'de', only test" in told
    kin = {name: replace(TASKS[name], split_family="kin") for name in ("pairs", "topic")}
    arms = {"none": Intermediate(), "aligned": Intermediate(align=Align(task="pairs", split="test"))}
    changes = {"intermediate": arms, "targets": {"topic": Target()}, "primary": None}
    assert "'test' of 'topic' is scored" in " ".join(map(str, flaws(recipe(**changes), TASKS | kin)))


def test_an_arm_that_only_reads_texts_or_aligns_is_no_baseline() -> None:
    read = Intermediate(mlm=Mlm(texts={"de": "de.txt"}))
    aligned = Intermediate(align=Align(task="pairs"))
    assert read.trains and aligned.trains and not Intermediate().trains
    assert aligned.reads == ("pairs",) and read.reads == ()
    arms = {"none": Intermediate(), "facts": aligned, "more": Intermediate(match_steps_of="facts")}
    assert found(intermediate=arms, primary=None) == []


@pytest.mark.parametrize("kind", [{"tasks": ["facts"]}, {"mlm": {"texts": {"de": "x"}}}, {"align": {"task": "pairs"}}])
def test_a_control_of_steps_trains_nothing_itself(kind: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"is a control without {next(iter(kind))}: remove"):
        Intermediate.model_validate(kind | {"match_steps_of": "facts"})
