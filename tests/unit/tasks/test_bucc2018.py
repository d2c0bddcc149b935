import polars as pl
import pytest

from xstilts.data import hub_data as hub
from xstilts.data.benchmark_files import bind
from xstilts.data.load import check_labels, load
from xstilts.errors import DataError
from xstilts.tasks.bucc2018 import TASK


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root" / "bucc2018"
    folder.mkdir(parents=True)
    for split in ("dev", "test"):
        (folder / f"de-en.{split}.de").write_text("de-1\tdas Haus\nde-2\tder Wald\n", encoding="utf-8")
        (folder / f"de-en.{split}.en").write_text("en-1\tthe house\nen-2\ta river\nen-3\ta mill\n", encoding="utf-8")
    (folder / "de-en.dev.gold").write_text("de-1\ten-1\n", encoding="utf-8")
    return tmp_path / "root"


def test_native_files_give_both_collections_of_a_split(root, tmp_path):
    task = bind(TASK, root=root, cache=tmp_path / "cache", offline=True)
    examples = load(task, "de", "dev", cache=tmp_path / "cache", offline=True)
    assert [(e.id, e.english, e.partners, e.group) for e in examples] == [  # type: ignore[attr-defined]
        ("dev:de-1", False, ("dev:en-1",), "dev:en-1"),
        ("dev:de-2", False, (), "dev:de-2"),
        ("dev:en-1", True, ("dev:de-1",), "dev:en-1"),
        ("dev:en-2", True, (), "dev:en-2"),
        ("dev:en-3", True, (), "dev:en-3"),
    ]


def test_a_test_split_without_gold_is_read_but_not_scored(root, tmp_path):
    task = bind(TASK, root=root, cache=tmp_path / "cache", offline=True)
    examples = load(task, "de", "test", cache=tmp_path / "cache", offline=True)
    assert len(examples) == 5
    with pytest.raises(DataError) as caught:
        check_labels(examples, task, "test")
    assert "de-en.test.de" in caught.value.message and "comparable.limsi.fr" in caught.value.hint


def test_a_change_of_the_gold_changes_the_fingerprint(root, tmp_path):
    def fingerprint() -> str:
        return bind(TASK, root=root, cache=tmp_path / "cache", offline=True).fingerprint("de")

    before = fingerprint()
    (root / "bucc2018" / "de-en.test.gold").write_text("de-2\ten-2\n", encoding="utf-8")
    assert fingerprint() != before


def test_a_row_of_the_hub_is_two_sentences(tmp_path, monkeypatch):
    row = {"source_sentence": "das Haus", "target_sentence": "the house", "source_lang": "de-7", "target_lang": "en-9"}
    empty = row | {"source_sentence": "", "source_lang": "de-8", "target_lang": "en-8"}
    pl.DataFrame([row, empty]).write_parquet(tmp_path / "rows.parquet")
    monkeypatch.setattr(hub, "parquet_files", lambda *place, **how: (tmp_path / "rows.parquet",))
    task = bind(TASK, root=None, cache=tmp_path / "cache", offline=True)
    examples = load(task, "de", "test", cache=tmp_path / "cache", offline=True)
    assert [(e.id, e.text, e.english, e.partners) for e in examples] == [  # type: ignore[attr-defined]
        ("test:de-7", "das Haus", False, ("test:en-9",)),
        ("test:en-9", "the house", True, ("test:de-7",)),
    ]
