from dataclasses import replace

from tests.unit.report.fixture import toy_recipe, toy_task, toy_tasks
from tests.unit.report.pictured import pictured_recipe, pictured_tasks

from xstilts.analysis.comparisons import comparisons
from xstilts.analysis.controls import single_modality_arm
from xstilts.analysis.design import TaskDesign, design_of
from xstilts.analysis.results import ArmName
from xstilts.config.recipe import Arm, Fewshot, Intermediate, Primary, Recipe, Target
from xstilts.planning.expand import expand

_TARGETS = {"toy-intent": Target(languages=("en", "de", "fi", "el")), "toy-bitext": Target(languages=("de", "fi"))}


def _designs(recipe: Recipe) -> tuple[TaskDesign, ...]:
    tasks = toy_tasks()
    cells = expand(recipe, tasks, "toy-pin").cells
    return tuple(design_of(recipe, cells, tasks[name]) for name in recipe.targets)


def test_headline_languages_exclude_source_and_development_languages() -> None:
    intent, bitext = _designs(toy_recipe(targets=_TARGETS))
    assert intent.languages == ("en", "de", "fi", "el")
    assert intent.headline == ("de", "fi")
    assert bitext.headline == ("de", "fi")
    assert bitext.retrieval and not intent.retrieval


def test_a_language_without_all_arms_is_in_no_mean() -> None:
    recipe = toy_recipe(targets=_TARGETS, fewshot=Fewshot(languages=("de",), draws=2))
    assert _designs(recipe)[0].headline == ("de",)


def test_a_language_counts_once_whatever_its_locales() -> None:
    languages = ("en", "de-CH", "de", "zh-HK", "zh-CN", "fi")
    tasks = {"toy-intent": toy_task("toy-intent", "classification", languages), "toy-qa": toy_tasks()["toy-qa"]}
    recipe = toy_recipe(targets={"toy-intent": Target()})
    design = design_of(recipe, expand(recipe, tasks, "toy-pin").cells, tasks["toy-intent"])
    assert design.headline == ("de", "zh-HK", "fi")
    assert design.variants == {"de-CH", "zh-CN"}


def test_the_baseline_is_zero_shot_without_intermediate_training() -> None:
    arms = {"toy-qa": Intermediate(tasks=("toy-qa",)), "none": Intermediate()}
    intent, _ = _designs(toy_recipe(targets=_TARGETS, intermediate=arms))
    assert intent.baseline == ArmName(intermediate="none")
    assert intent.arms[-1] == ArmName(intermediate="toy-qa", method="full", shots=4)


def test_the_two_by_two_has_the_four_corners() -> None:
    (square,) = _designs(toy_recipe(targets=_TARGETS))[0].detailed
    assert [(arm.intermediate, arm.shots) for arm in square.arms] == [
        ("none", 0),
        ("none", 4),
        ("toy-qa", 0),
        ("toy-qa", 4),
    ]


def test_the_effects_of_a_two_by_two_are_weighted_sums_of_its_means() -> None:
    recipe = toy_recipe(targets=_TARGETS, primary=None)
    found = comparisons(recipe, _designs(recipe))
    level = {("none", 0): 1.0, ("none", 4): 3.0, ("toy-qa", 0): 6.0, ("toy-qa", 4): 13.0}
    sums = {
        found.title: sum(weight * level[arm.intermediate, arm.shots] for weight, arm in found.terms)
        for found in found
        if found.kind == "effect"
    }
    assert sums == {
        "toy-qa only": 5.0,
        "4-shot only": 2.0,
        "both": 12.0,
        "toy-qa, given 4-shot": 10.0,
        "main effect of toy-qa": 7.5,
        "main effect of 4-shot": 4.5,
        "interaction": 5.0,
    }


def test_the_primary_contrast_is_first_and_not_repeated() -> None:
    primary = Primary(task="toy-intent", treatment=Arm(intermediate="toy-qa"), baseline=Arm(intermediate="none"))
    recipe = toy_recipe(targets=_TARGETS, primary=primary)
    found = comparisons(recipe, _designs(recipe))
    assert found[0].kind == "primary"
    assert [c for c in found if set(c.terms) == set(found[0].terms) and c.task == "toy-intent"] == [found[0]]
    assert [c.kind for c in found[1:]] == ["effect"] * 6 + ["retrieval"]


def test_every_control_is_paired_with_its_arm() -> None:
    recipe = toy_recipe(
        targets={"toy-intent": _TARGETS["toy-intent"]},
        intermediate={
            "none": Intermediate(),
            "toy-qa": Intermediate(tasks=("toy-qa",)),
            "shuffled": Intermediate(tasks=("toy-qa",), shuffle_labels=True),
            "longer": Intermediate(match_steps_of="toy-qa"),
        },
        fewshot=Fewshot(shots=(4,), draws=1, more_english=True, without_target=True),
    )
    (design,) = _designs(recipe)
    pairs = {(control, arm) for control, arm, _ in design.controls}
    adapted = {
        name: ArmName(intermediate=name, method="full", shots=4) for name in ("none", "toy-qa", "shuffled", "longer")
    }
    assert (ArmName(intermediate="shuffled"), ArmName(intermediate="toy-qa")) in pairs
    assert (adapted["shuffled"], adapted["toy-qa"]) in pairs
    assert (adapted["longer"], adapted["toy-qa"]) in pairs
    assert (ArmName(intermediate="none", method="more-english", shots=4), adapted["none"]) in pairs
    assert (ArmName(intermediate="toy-qa", method="without-target", shots=4), adapted["toy-qa"]) in pairs
    assert [square.intermediate for square in design.detailed] == ["toy-qa"]


def test_fixed_few_shot_sets_restrict_headline_languages_only_in_the_primary_contrast() -> None:
    tasks = toy_tasks()
    task = tasks["toy-intent"] = replace(tasks["toy-intent"], fixed_shot_sizes={"fi": ("4", "9x9")})
    fewshot = Fewshot(shots=(4, "9x9"), draws=2, fixed_shots=True)

    def design(**more: object) -> TaskDesign:
        recipe = toy_recipe(targets={"toy-intent": _TARGETS["toy-intent"]}, fewshot=fewshot, **more)
        return design_of(recipe, expand(recipe, tasks, "toy-pin").cells, task)

    plain = design(primary=None, development_languages=())
    assert plain.headline == ("de", "fi", "el")
    assert {(arm.method, arm.shots) for arm in plain.arms} == {
        ("zero-shot", 0),
        ("full", 4),
        ("fixed-shots", 4),
        ("fixed-shots-9x9", 81),
    }
    assert [arm.method for arm in plain.arms[:4]] == ["zero-shot", "full", "fixed-shots", "fixed-shots-9x9"]
    assert {arm.method for arm in plain.detailed[0].arms} == {"zero-shot", "full"}
    arms = [Arm(intermediate=name, shots="9x9", method="fixed-shots") for name in ("toy-qa", "none")]
    named = design(primary=Primary(task="toy-intent", treatment=arms[0], baseline=arms[1]), development_languages=())
    assert named.headline == ("fi",)
    assert {arm.method for arm in named.detailed[0].arms} == {"zero-shot", "fixed-shots-9x9"}


def test_controls_are_compared_in_the_languages_that_have_them() -> None:
    tasks = toy_tasks()
    languages = {name: ("train", "dev", "test", *(["test-mt"] * (name == "fi"))) for name in ("en", "de", "fi", "el")}
    task = tasks["toy-intent"] = replace(tasks["toy-intent"], splits=languages)
    target = _TARGETS["toy-intent"].model_copy(update={"translate_test": True})
    fewshot = Fewshot(shots=(4,), draws=1, multilingual=True, also_select="english_dev")
    recipe = toy_recipe(targets={"toy-intent": target}, fewshot=fewshot, primary=None, development_languages=())
    design = design_of(recipe, expand(recipe, tasks, "toy-pin").cells, task)
    assert design.headline == ("de", "fi", "el")
    found = {c.terms[1][1].method: c for c in comparisons(recipe, [design]) if c.kind == "control"}
    assert {name: c.languages for name, c in found.items()} == {
        "english-dev": ("de", "fi", "el"),
        "multilingual": ("de", "fi", "el"),
        "translate-test": ("fi",),
    }
    assert {name: (c.terms[0][1].method, c.terms[0][1].shots) for name, c in found.items()} == {
        "english-dev": ("full", 4),
        "multilingual": ("full", 4),
        "translate-test": ("zero-shot", 0),
    }


def test_one_modality_arms_are_controls_of_the_arm_with_both() -> None:
    tasks = pictured_tasks(tuple(f"toy:{number}" for number in range(20)))
    arms = {
        "none": Intermediate(),
        "toy-read": Intermediate(tasks=("toy-read",)),
        "blind": Intermediate(modality="text"),
        "read-blind": Intermediate(tasks=("toy-read",), modality="text"),
        "image-only": Intermediate(modality="images"),
    }
    recipe = pictured_recipe(intermediate=arms, targets={"toy-verify": Target()})
    design = design_of(recipe, expand(recipe, tasks, "toy-pin").cells, tasks["toy-verify"])
    beside = {(control.intermediate, arm.intermediate) for control, arm, _ in design.controls}
    assert beside == {("blind", "none"), ("read-blind", "toy-read"), ("image-only", "none")}
    assert {arm.intermediate for arm in design.main_arms} == {"none", "toy-read"}
    assert design.baseline == ArmName(intermediate="none")
    assert [(square.intermediate, square.shots_name) for square in design.two_by_twos] == [
        ("toy-read", "2-shot"),
        ("toy-read", "4-shot"),
    ]
    assert [square.shots_name for square in design.detailed] == ["4-shot"]
    assert single_modality_arm(recipe, "toy-read", "text") == "read-blind"
    assert single_modality_arm(recipe, "toy-read", "images") == "image-only"
    assert single_modality_arm(pictured_recipe(), "none", "images") is None
