"""Scores on machine-translated test sets: which are planned, and errors if there are none."""

from dataclasses import replace

from tests.unit.planning.world import TASKS, recipe

from xstilts.config.files import TaskFiles
from xstilts.config.recipe import Target
from xstilts.planning.expand import expand
from xstilts.planning.specs import EvaluateStage
from xstilts.recipe.resolve import languages_with_translated_test
from xstilts.recipe.validate import validate
from xstilts.tasks.benchmark import Benchmark, Native, unchanged
from xstilts.tasks.task import Task

SPLITS = {name: ("train", "dev", "test", *(["test-mt"] * (name in ("en", "de")))) for name in ("en", "de", "fi", "sw")}
TRANSLATED = {**TASKS, "topic": replace(TASKS["topic"], splits=SPLITS)}
TARGET = Target(languages=("de", "fi"), translate_test=True, max_items=7)
CHANGES: dict[str, object] = {"targets": {"topic": TARGET}, "fewshot": None, "primary": None}


def test_every_arm_is_scored_on_translated_test_sets() -> None:
    graph = expand(recipe(**CHANGES), TRANSLATED, "pin")
    cells = [cell for cell in graph.cells if cell.method == "translate-test"]
    assert {(c.intermediate, c.seed) for c in cells} == {
        (a, s) for a in ("none", "facts", "more-steps") for s in (0, 1)
    }
    assert {(c.language, c.split, c.shots, c.draw) for c in cells} == {("de", "test-mt", 0, None)}
    plain = {(c.intermediate, c.seed): c for c in graph.cells if (c.method, c.language) == ("zero-shot", "de")}
    for cell in cells:
        stage, other = graph.stages[cell.artifact], graph.stages[plain[cell.intermediate, cell.seed].artifact]
        assert isinstance(stage, EvaluateStage) and stage == replace(other, split="test-mt")
        assert stage.title == "evaluate topic de in translation"
    assert graph.skipped == ("topic: no split test-mt in fi",)
    without = expand(
        recipe(**CHANGES | {"targets": {"topic": Target(languages=("de", "fi"), max_items=7)}}), TASKS, "pin"
    )
    assert without.stages.keys() < graph.stages.keys()


def test_no_translated_test_set_is_an_issue() -> None:
    on_dev = recipe(**CHANGES | {"targets": {"topic": TARGET.model_copy(update={"split": "dev"})}})
    (issue,) = validate(on_dev, TRANSLATED)
    assert (issue.code, issue.path) == ("unknown-split", ("targets", "topic", "translate_test"))
    (issue,) = validate(recipe(**CHANGES | {"targets": {"pairs": Target(translate_test=True)}}), TRANSLATED)
    assert (issue.code, issue.path) == ("not-applicable", ("targets", "pairs", "translate_test"))


def test_user_tasks_have_a_translated_test_set_if_a_file_is_named() -> None:
    files = {"en": "en.csv", "de": {"test": "de.csv", "test-mt": "mt.csv"}, "fi": {"test": "fi.csv"}}
    block = TaskFiles.model_validate({"problem": "classification", "files": files, "columns": {"text": "t"}})
    assert languages_with_translated_test(recipe(tasks={"topic": block}), TARGET, TASKS["topic"]) == ("de",)


def test_benchmarks_without_local_files_have_the_published_splits() -> None:
    native = Native(read=lambda path: iter(()), files={"test": "a", "test-mt": "b"}, fields=unchanged)
    task: Task = replace(
        TASKS["topic"], benchmark=Benchmark(native=(native,), hub=(), groups=lambda rows: []), splits={"fi": ("test",)}
    )
    assert languages_with_translated_test(recipe(), TARGET, task) == ("de",)
