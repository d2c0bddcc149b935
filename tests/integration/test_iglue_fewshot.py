"""IGLUE's recipe: planned with what is at hand, and its stages run on real annotation files with stand-in images."""

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.pictures import build_vision
from tests.stand_ins import make_root
from tests.tiny import build as build_text

from xstilts.api import runs as api
from xstilts.data.leakage import images_in
from xstilts.data.load import load
from xstilts.errors import SourceError
from xstilts.experiment import Experiment, open_experiment
from xstilts.planning.estimate import Processor
from xstilts.planning.specs import FewshotStage
from xstilts.store.store import Manifest, Store

ROOT = Path(os.environ.get("XSTILTS_DATA_ROOT", "absent"))
SIZES = "steps: 2, batch_size: 8, max_length: 32, precision: fp32, evaluations: 1"
ARMS = {
    "xvnli": "none, gqa, shuffled-gqa, blind",
    "xgqa": "none, all-but-gqa, image-only",
    "marvl": "none, snli-ve, more-steps",
    "xflickrco": "none, nlvr2",
}
OVERRIDES = (
    "revision=null",
    "fusion={layer: 1, image_size: 32, grid: 2}",
    "seeds=[0]",
    *(f"intermediate.{arm}.train={{{SIZES}}}" for arm in ("gqa", "shuffled-gqa", "snli-ve", "nlvr2", "all-but-gqa")),
    "intermediate.more-steps.match_steps_of=snli-ve",
    "targets.xvnli.languages=[ar, es]",
    "targets.xgqa.languages=[de]",
    "targets.marvl.languages=[zh]",
    "targets.xflickrco.languages=[tr]",
    *(f"targets.{task}.intermediates=[{arms}]" for task, arms in ARMS.items()),
    *(f"targets.{task}.max_items=12" for task in ARMS),
    *(f"targets.{task}.max_examples=16" for task in ARMS),
    *(f"targets.{task}.train={{{SIZES}}}" for task in ARMS),
    "fewshot.shots=[1, 10, 10x2]",
    "fewshot.sampled=[1]",
    "fewshot.draws=1",
    "fewshot.languages=[ar, es, de, zh, tr]",
    "fewshot.intermediates=[none, gqa, snli-ve, nlvr2, blind]",
    f"fewshot.train={{{SIZES}}}",
    "primary={task: xvnli, treatment: {intermediate: gqa, shots: 1}, baseline: {intermediate: none, shots: 1}}",
)

pytestmark = [
    pytest.mark.data_root,
    pytest.mark.skipif(not (ROOT / "multimodal").is_dir(), reason="needs XSTILTS_DATA_ROOT with its folder multimodal"),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("iglue")
    root = make_root(ROOT, folder / "root")
    encoder = f"encoder={build_text('xlm-roberta', folder / 'text')}+{build_vision(folder / 'vision')}"
    overrides = [encoder, *OVERRIDES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XSTILTS_CACHE", str(folder / "cache"))
        where: dict[str, Any] = {"store": folder / "store", "overrides": overrides, "offline": True}
        api.run("iglue-fewshot", **where, data_root=root, workers=1)
        yield open_experiment(
            "iglue-fewshot", store=folder / "store", overrides=overrides, offline=True, data_root=root
        )


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """The whole recipe, with the files that are at hand."""
    return open_experiment(
        "iglue-fewshot", store=tmp_path_factory.mktemp("planned") / "store", offline=True, data_root=ROOT
    )


def manifest(experiment: Experiment, key: str) -> Manifest:
    found = Store(experiment.store.root).manifest(key)
    assert found is not None, experiment.graph.stages[key].title
    return found


def test_the_plan_names_what_is_missing_all_at_once_and_a_run_without_it_is_refused(planned: Experiment) -> None:
    lacking = planned.missing_downloads()
    for line in ("XVNLI/annotations/en/train.jsonl (train of xvnli: en)", "nlvr2/annotations/train.jsonl (train of n"):
        assert any(told.startswith(line) for told in lacking), lacking
    assert any(told.startswith("xGQA/annotations/few_shot/{language}/test.json (test-few") for told in lacking)
    assert {told.split()[2].rstrip(",") for told in lacking if told.startswith("images of ")} == {
        "flickr30k", "gqa", "nlvr2", "marvl", "coco",
    }  # fmt: skip
    with pytest.raises(SourceError, match=r"(?s)not in the cache.*nlvr2/annotations/train.jsonl.*images of flickr30k"):
        planned.resolve(lambda line: None)


def test_every_stage_is_priced(planned: Experiment) -> None:
    found = planned.estimate_flops(planned.graph.stages, Processor())
    assert (found.unknown, found.why) == (0, ()) and found.gpu_hours


def test_no_target_comes_after_its_own_english_set(planned: Experiment) -> None:
    own = {"xvnli": "snli-ve", "xgqa": "gqa", "marvl": "nlvr2", "xflickrco": "flickr30k"}
    trained: dict[str, set[str]] = {name: set() for name in own}
    for cell in planned.graph.cells:
        trained[cell.task] |= set(planned.recipe.intermediate[cell.intermediate].tasks)
    assert all({"mnli", *own.values()} - {own[name]} <= tasks for name, tasks in trained.items())
    assert [name for name, tasks in trained.items() if own[name] in tasks] == []


def test_every_stage_has_run_zero_shot_on_published_sets_and_on_draws_of_our_own(ran: Experiment) -> None:
    for key in ran.graph.stages:
        manifest(ran, key)
    cells = [cell for cell in ran.graph.cells if cell.intermediate == "none" and cell.language != "en"]
    for task in ARMS:
        methods = {cell.method for cell in cells if cell.task == task}
        assert methods >= {"zero-shot", "full", "fixed-shots", "english-dev", "more-english", "without-target"}, task
    assert {cell.task for cell in cells if cell.method == "multilingual"} == {"xvnli"}
    assert {cell.task for cell in cells if cell.method == "fixed-shots-10x2"} == {"marvl"}


def test_scores_are_of_real_items_whose_images_were_all_read(ran: Experiment) -> None:
    for cell in ran.graph.cells:
        facts = manifest(ran, cell.artifact).facts
        assert facts.unusable.images == {}
        rows = pl.read_parquet(ran.store.path(cell.artifact) / "items.parquet")
        assert 0 < rows["item"].n_unique() <= 12


def test_shots_count_images_in_xgqa_and_are_the_published_rows_elsewhere(ran: Experiment) -> None:
    counted: dict[tuple[str, str | None], set[int]] = {}
    for spec in ran.graph.stages.values():
        if (
            isinstance(spec, FewshotStage)
            and spec.multilingual is None
            and spec.shots_language == spec.evaluation.language
        ):
            shots = json.loads((ran.store.path(spec.key) / "shots.json").read_text(encoding="utf-8"))
            counted.setdefault((spec.evaluation.task, spec.fixed_shots), set()).add(len(shots))
    assert counted["xvnli", "1"] == {3} and counted["xvnli", None] == {3}
    assert counted["marvl", "1"] == {4} and counted["marvl", "10x2"] == {80} and counted["marvl", None] == {2}
    assert counted["xflickrco", "10"] == {10} and counted["xflickrco", None] == {1}
    assert counted["xgqa", "1"] == {27} and min(counted["xgqa", None]) > 3


def test_images_that_a_published_set_of_marvl_shares_with_the_test_set_are_counted(ran: Experiment) -> None:
    published = {
        spec.fixed_shots: spec
        for spec in ran.graph.stages.values()
        if isinstance(spec, FewshotStage) and spec.evaluation.task == "marvl" and spec.fixed_shots
    }
    assert set(published) == {"1", "10", "10x2"}
    task, read = ran.loaded.tasks["marvl"], {"cache": ran.environment.cache, "offline": True}
    test = load(task, "zh", "test", **read)
    for name, spec in published.items():
        items = set(pl.read_parquet(ran.store.path(spec.key) / "items.parquet")["item"])
        scored = images_in(example for example in test if example.id in items)
        shared = images_in(load(task, "zh", f"shots-{name}", **read)) & scored
        assert manifest(ran, spec.key).facts.leaks.images_of_shots_scored == len(shared)
    assert len(images_in(load(task, "zh", "shots-10x2", **read)) & images_in(test)) == 7
