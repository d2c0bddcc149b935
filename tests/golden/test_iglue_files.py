"""Every annotation file of IGLUE in the data root is read, with the number of rows that its manifest states."""

import csv
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from xstilts.data.benchmark_files import bind
from xstilts.data.leakage import check_disjoint, images_in
from xstilts.data.load import load
from xstilts.errors import LeakError
from xstilts.problems import Example
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

ROOT = Path(os.environ.get("XSTILTS_DATA_ROOT", "absent"))
FOLDER = ROOT / "multimodal"
TASKS = {
    "XVNLI": "xvnli", "xGQA": "xgqa", "marvl": "marvl", "xFlickrCO": "xflickrco", "wit": "wit", "nlvr2": "nlvr2",
    "gqa": "gqa", "flickr30k": "flickr30k",
}  # fmt: skip
LEFT_OUT = {
    **{("xvnli", language, "test"): 14 for language in ("ar", "en", "es", "fr", "ru")},
    **{
        ("xvnli", language, f"shots-{k}"): unlabelled
        for language in ("ar", "en", "es", "fr", "ru")
        for k, unlabelled in {"5": 1, "10": 1, "20": 3, "25": 3, "48": 5}.items()
    },
    **{("wit", language, "test"): 1 for language in ("el", "id")},
    **{("xflickrco", language, "test"): 1 for language in ("de", "id")},
}
"""Rows without label, and captions of blanks."""
CAPTIONS = {"100x5": 5, "200x5": 5, "test_ann": 5, "valid_ann": 5}
"""Captions of each row."""
SPLITS = {"test_ann": "test", "valid_ann": "dev", "testdev_balanced_questions": "testdev-1944"}

pytestmark = [
    pytest.mark.data_root,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs XSTILTS_DATA_ROOT with its folder multimodal"),
]


def rows() -> list[dict[str, str]]:
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "MANIFEST.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@cache
def bound(name: str, folder: Path) -> Task:
    return bind(load_task(name), root=ROOT, cache=folder)


@pytest.fixture
def examples(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.getbasetemp() / "iglue"

    def read(name: str, language: str, split: str) -> tuple[Example, ...]:
        return load(bound(name, folder), language, split, cache=folder, offline=True)

    return read


def split_of(stem: str, language: str) -> str:
    """The split that a file of that name is: `marvl-id_train10x2`, `train_48`, `test_el`, `dev`."""
    if stem in SPLITS:
        return SPLITS[stem]
    if found := re.search(r"train_?(\w+)$", stem):
        return f"shots-{found[1]}"
    return "test" if stem == f"marvl-{language}" else stem.removesuffix(f"_{language}")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["path"])
def test_a_file_has_as_many_examples_as_rows(row: dict[str, str], examples) -> None:
    path, language = Path(row["path"]), row["language"]
    if path.stem.startswith("trainval_"):
        assert len(json.loads((FOLDER / path).read_text())) == 1842
        return
    name, split = TASKS[path.parts[0]], split_of(path.stem, language)
    left_out = LEFT_OUT.get((name, language, split), 0)
    found = examples(name, language, split)
    times = CAPTIONS.get(split.removeprefix("shots-"), CAPTIONS.get(path.stem, 1))
    assert len(found) == int(row["rows"]) * times - left_out
    assert all(example.group for example in found) and images_in(found)
    assert load_task(name).sizes[language].get(split, len(found)) == len(found)


def test_the_manifest_names_all_files_there_are() -> None:
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.json*")}
    assert there == {row["path"] for row in rows()}


def test_candidates_are_as_many_as_the_listing_says(examples) -> None:
    for name, languages in (("wit", "el en id ja tr"), ("xflickrco", "de en id tr zh"), ("flickr30k", "en")):
        for language in languages.split():
            assert len(images_in(examples(name, language, "test"))) == load_task(name).retrieval_pool_size[language]


def ladders() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for name in ("xvnli", "xgqa", "marvl", "xflickrco"):
        task = load_task(name)
        for language in ("ar", "de", "id", "tr", "zh"):
            if language in task.fixed_shot_sizes:
                yield name, language, task.fixed_shot_sizes[language]


@pytest.mark.parametrize(("name", "language", "ladder"), list(ladders()))
def test_published_shots_are_nested_and_apart_from_what_is_scored(name, language, ladder, examples, tmp_path) -> None:
    there = bound(name, tmp_path).splits[language]
    if not there:
        pytest.skip("no files of that language")
    rungs = [k for k in ladder if f"shots-{k}" in there and not ("x" in k and name == "xflickrco")]
    shots = [{example.id for example in examples(name, language, f"shots-{k}")} for k in rungs]
    assert len(shots) > 3 and all(fewer <= more for fewer, more in pairwise(shots))
    assert {example.id for example in examples(name, language, "train")} <= shots[-1]
    scored = "dev" if name == "xgqa" else "test"
    check_disjoint(examples(name, language, "train"), examples(name, language, scored), name)


def test_a_concept_of_chinese_shots_is_shown_in_the_test_set(examples) -> None:
    test = examples("marvl", "zh", "test")
    check_disjoint(examples("marvl", "zh", "shots-4"), test)
    for split, shared in (("shots-10", 5), ("shots-10x2", 7)):
        shots = examples("marvl", "zh", split)
        assert len(images_in(shots) & images_in(test)) == shared
        check_disjoint(shots, test, images=False)
        with pytest.raises(LeakError, match="share the image 'marvl:zh/73-"):
            check_disjoint(shots, test)


def test_items_of_parallel_tasks_have_the_same_ids_and_groups_in_every_language(examples) -> None:
    parallel = (("xvnli", "test", "en ar es fr ru"), ("xgqa", "dev", "en bn de id"), ("xflickrco", "test", "en tr zh"))
    for name, split, languages in parallel:
        items = [{(e.id, e.group) for e in examples(name, language, split)} for language in languages.split()]
        assert all(found == items[0] for found in items)


def test_flickr30k_is_one_collection_in_all_tasks_that_show_it(examples) -> None:
    retrieval = images_in(examples("xflickrco", "en", "test"))
    assert len(retrieval & images_in(examples("flickr30k", "en", "test"))) == 1000
    assert len(retrieval & images_in(examples("xvnli", "en", "test"))) == 14
    assert not retrieval & images_in(examples("flickr30k", "en", "dev"))
