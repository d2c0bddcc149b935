"""Every task of a benchmark reads its publishers' own files, with the counts that were taken from them."""

import os
from pathlib import Path

import pytest

from xstilts.cache.sources import Files
from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.problems import Labelled
from xstilts.tasks import load_task

ROOT = Path(os.environ.get("XSTILTS_DATA_ROOT", "absent"))
TEXT, LOWRES = ROOT / "text", ROOT / "lowres"

COUNTS = [
    *(("xnli", language, "dev", 2490) for language in ("ar", "de", "en", "hi", "sw", "tr", "zh")),
    *(("pawsx", language, "dev", 2000) for language in ("de", "en", "fr", "zh")),
    *(("xquad", language, "test", 1190) for language in ("ar", "de", "en", "hi", "zh")),
    ("mlqa", "de", "dev", 512), ("mlqa", "en", "dev", 1148), ("mlqa", "hi", "dev", 507), ("mlqa", "zh", "dev", 504),
    ("tydiqa", "en", "train", 3696), ("tydiqa", "sw", "train", 2755),
    ("udpos", "en", "train", 21787), ("udpos", "en", "dev", 3974), ("udpos", "en", "test", 5440),
    ("udpos", "hi", "test", 2684), ("udpos", "zh", "test", 3455), ("udpos", "ta", "test", 654),
    ("udpos", "yo", "test", 318), ("udpos", "eu", "test", 1799), ("udpos", "ta", "train", 400),
    ("udpos", "de", "test", 977), ("udpos", "te", "train", 1051), ("udpos", "te", "dev", 131),
    ("udpos", "te", "test", 146), ("udpos", "mr", "train", 373), ("udpos", "mr", "test", 47),
    *(("tatoeba", language, "test", 1000) for language in ("ar", "eu", "de", "hi", "ja", "zh", "fi")),
    ("tatoeba", "te", "test", 234), ("tatoeba", "ka", "test", 746), ("tatoeba", "sw", "test", 390),
    ("anli", "en", "dev", 1000 + 1000 + 1198), ("cosmosqa", "en", "dev", 2985), ("hellaswag", "en", "dev", 1000),
    ("commonsenseqa", "en", "dev", 1221), ("mnli", "en", "train", 5), ("mnli", "en", "dev", 5),
    ("squad", "en", "train", 5), ("squad2", "en", "train", 6),
]  # fmt: skip
SAMPLES = [
    ("glue_mnli", "mnli", "en", {"train": 3, "dev": 2, "dev-mismatched": 2}),
    ("glue_qqp", "qqp", "en", {"train": 3, "dev": 2}),
    ("wikiann_sw/..", "panx", "sw", {"train": 1, "dev": 1, "test": 1}),
    ("paws-x_de/x-final.tar.gz", "pawsx", "de", {"train": 4, "dev": 4, "test": 4}),
]
"""Cut-down files, whose counts are of rows without the header."""

pytestmark = [
    pytest.mark.data_root,
    pytest.mark.skipif(not TEXT.is_dir(), reason="needs XSTILTS_DATA_ROOT with its folder text"),
]


@pytest.mark.parametrize(("name", "language", "split", "count"), COUNTS)
def test_native_files_have_as_many_examples_as_rows(
    tmp_path_factory: pytest.TempPathFactory, name: str, language: str, split: str, count: int
) -> None:
    cache = tmp_path_factory.getbasetemp() / "data-root"
    found = load(bind(load_task(name), root=ROOT, cache=cache), language, split, cache=cache, offline=True)
    assert len(found) == count
    assert all(example.group for example in found)


@pytest.mark.parametrize(("folder", "name", "language", "counts"), SAMPLES)
def test_samples_of_other_layouts(
    tmp_path: Path, folder: str, name: str, language: str, counts: dict[str, int]
) -> None:
    task = bind(load_task(name), root=TEXT / "hf_dummy" / folder, cache=tmp_path)
    assert {s: len(load(task, language, s, cache=tmp_path, offline=True)) for s in task.splits[language]} == counts


@pytest.mark.skipif(not LOWRES.is_dir(), reason="needs XSTILTS_DATA_ROOT with its folder lowres")
@pytest.mark.parametrize("name", ["sib200", "nusax", "afrisenti", "masakhapos"])
def test_low_resource_benchmarks_have_their_published_sizes(tmp_path: Path, name: str) -> None:
    task, checked = bind(load_task(name), root=ROOT, cache=tmp_path), 0
    for language in task.languages[1 :: 20 if name == "sib200" else 1]:
        layouts = [source.layout for source in task.sources_by_language[language] if isinstance(source, Files)]
        for split in task.splits[language] if f"{name} {language}" in layouts else ():
            assert len(load(task, language, split, cache=tmp_path, offline=True)) == task.sizes[language][split]
            checked += 1
    assert checked >= 15


@pytest.mark.skipif(not LOWRES.is_dir(), reason="needs XSTILTS_DATA_ROOT with its folder lowres")
def test_cells_of_low_resource_files(tmp_path: Path) -> None:
    def texts(name: str, language: str) -> set[str]:
        task = bind(load_task(name), root=ROOT, cache=tmp_path)
        examples = load(task, language, "test", cache=tmp_path, offline=True)
        return {example.text for example in examples if isinstance(example, Labelled)}

    swahili = texts("sib200", "swh_Latn")
    assert any(text.startswith('"Sasa tuna panya wenye umri') and '""' not in text for text in swahili)
    assert not any(text.startswith('"') and text.endswith('"') for text in texts("afrisenti", "pt-MZ"))
    english = bind(load_task("sib200"), root=ROOT, cache=tmp_path)
    groups = {
        split: {example.group for example in load(english, "en", split, cache=tmp_path, offline=True)}
        for split in ("train", "test")
    }
    tests = load(english, "en", "test", cache=tmp_path, offline=True)
    assert sum(example.group in groups["train"] for example in tests) == 141


def test_parallel_benchmarks_have_the_same_groups_in_every_language(tmp_path: Path) -> None:
    for name, languages, split, groups in (("xnli", "ar sw zh", "dev", 830), ("xquad", "ar de zh", "test", 48)):
        task = bind(load_task(name), root=ROOT, cache=tmp_path)
        english = {e.group for e in load(task, "en", split, cache=tmp_path, offline=True)}
        assert len(english) == groups
        for language in languages.split():
            assert {e.group for e in load(task, language, split, cache=tmp_path, offline=True)} == english
