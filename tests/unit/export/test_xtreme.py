"""The folder that XTREME's evaluation reads, from a store of made-up predictions."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.facts import facts_for

from xstilts.analysis.results import ArmName
from xstilts.config.recipe import Recipe
from xstilts.data.benchmark_files import bind
from xstilts.errors import UserError
from xstilts.experiment import Experiment
from xstilts.export.xtreme import write_submission
from xstilts.planning.specs import PretrainedStage
from xstilts.planning.stage import Cell
from xstilts.problems.scores import score_frame
from xstilts.store.files import ITEMS_FILE
from xstilts.store.store import Store
from xstilts.tasks import load_task

ENGLISH = ["The cat sleeps.", "A dog barks.", "Birds sing."]


def made_up(folder: Path, **predictions: tuple[str, str, list[str], list[Any], list[Any]]) -> Experiment:
    """By task: problem, language, items, gold, predicted."""
    (folder / "tatoeba").mkdir()
    (folder / "tatoeba" / "tatoeba.swh-eng.swh").write_text("Paka analala.\nMbwa anabweka.\nNdege wanaimba.\n")
    (folder / "tatoeba" / "tatoeba.swh-eng.eng").write_text("".join(f"{text}\n" for text in ENGLISH))
    store, cells = Store(folder / "store"), []
    for task, (problem, language, items, gold, predicted) in predictions.items():
        stage = PretrainedStage(encoder=task, pin="made up")
        with store.draft(stage) as draft:
            frame = score_frame(cast(Any, problem), [(item, item) for item in items], gold, predicted)
            frame.write_parquet(draft.path / ITEMS_FILE)
            draft.facts = facts_for(stage)
        cells.append(
            Cell(artifact=stage.key, encoder="e5-small", task=task, language=language, split="test",
                 intermediate="none", method="zero-shot", shots=0, draw=None, seed=0)
        )  # fmt: skip
    cache = folder / "cache"
    experiment = SimpleNamespace(
        recipe=Recipe.model_validate({"name": "made-up", "targets": {task: {"max_items": 3} for task in predictions}}),
        graph=SimpleNamespace(cells=tuple(cells)),
        store=store,
        loaded=SimpleNamespace(tasks={"tatoeba": bind(load_task("tatoeba"), root=folder, cache=cache)}),
        environment=SimpleNamespace(cache=cache, offline=True),
    )
    return cast(Experiment, experiment)


@pytest.fixture
def experiment(tmp_path):
    nearest = [["test-0", "test-2"], ["test-1", "test-0"], ["test-2", "test-1"]]
    items = ["test-0", "test-1", "test-2"]
    return made_up(
        tmp_path,
        xnli=("classification", "sw", items[:2], ["neutral", "neutral"], ["neutral", "entailment"]),
        udpos=("tagging", "yo", items[:2], [["NOUN"], ["VERB", "NOUN"]], [["VERB"], ["VERB", "X"]]),
        tydiqa=("span", "fi", ["finnish-1", "finnish-2"], [["a"], ["b"]], ["1999", "ääni"]),
        tatoeba=("retrieval", "sw", items, items, nearest),
    )


def test_every_task_has_the_file_that_the_evaluation_expects(experiment, tmp_path):
    written = write_submission(experiment, ArmName(intermediate="none"), 0, tmp_path / "out")
    names = {str(path.relative_to(tmp_path / "out")) for path in written.files}
    assert names == {"xnli/test-sw.tsv", "udpos/test-yo.tsv", "tydiqa/test-fi.json", "tatoeba/test-sw.tsv"}
    assert (tmp_path / "out/xnli/test-sw.tsv").read_text() == "neutral\nentailment\n"
    assert (tmp_path / "out/udpos/test-yo.tsv").read_text() == "VERB\n\nVERB\nX\n"
    assert json.loads((tmp_path / "out/tydiqa/test-fi.json").read_text()) == {"finnish-1": "1999", "finnish-2": "ääni"}


def test_tatoeba_names_the_nearest_foreign_line_for_each_line_of_sorted_english(experiment, tmp_path):
    write_submission(experiment, ArmName(intermediate="none"), 0, tmp_path / "out")
    # sorted: A dog (item 1, nearest foreign 0), Birds (item 2, 1), The cat (item 0, 2)
    assert (tmp_path / "out/tatoeba/test-sw.tsv").read_text() == "0\n1\n2\n"


def test_shortcomings_of_the_submission_are_listed(experiment, tmp_path):
    shortcomings = write_submission(experiment, ArmName(intermediate="none"), 0, tmp_path / "out").shortcomings
    assert "panx: not in the recipe" in shortcomings
    assert any(line.startswith("xnli: no predictions in en, ar, bg") for line in shortcomings)
    assert "tydiqa: at most 3 items per language" in shortcomings


def test_an_unknown_arm_and_a_full_folder_are_refused(experiment, tmp_path):
    with pytest.raises(UserError, match="'squad'"):
        write_submission(experiment, ArmName(intermediate="squad"), 0, tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(UserError, match="full"):
        write_submission(experiment, ArmName(intermediate="none"), 0, tmp_path / "full")
