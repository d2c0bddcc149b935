from typing import Any

import pytest

from xstilts.errors import DataError, UserError
from xstilts.fitting.facts import ModelFacts
from xstilts.fitting.inputs import Input
from xstilts.fitting.pool import Pool, read_pool


def facts(**columns: str) -> ModelFacts:
    return ModelFacts(
        problem="classification",
        labels=("health", "sport"),
        columns={"text": "headline", "label": "topic"} | columns,
        language="sw",
        encoder="tiny",
        encoder_pin="0",
        licence=None,
        pooling="mean",
        arm="both",
        command="xstilts fit",
        version="0.1.0",
    )


def table(*rows: dict[str, Any], is_text: bool = False) -> Input:
    return Input(name="pool.csv", rows=list(enumerate(rows, start=2)), is_text=is_text)


def read(pool: Input, n: int = 1, **options: Any) -> Pool:
    return read_pool(pool, options.pop("model", facts()), ["Timu ilishinda"], n, **options)


def test_rows_without_text_with_label_or_known_are_left_out_and_counted():
    found = read(
        table(
            {"headline": " timu  ILISHINDA ", "topic": ""},
            {"headline": "", "topic": None},
            {"headline": "Daktari", "topic": "health"},
            {"headline": "Habari mpya", "topic": ""},
            {"headline": "habari mpya", "topic": ""},
        )
    )
    assert (found.texts, [line for line, _ in found.rows], found.label_column) == (["Habari mpya"], [5], "topic")
    assert found.left_out == [
        "pool.csv: 2 rows left out that are training rows already or repeat an earlier row",
        "pool.csv: 1 row left out without a text",
        "pool.csv: 1 row left out that have a label (column 'topic')",
    ]
    assert found.warnings == ()


def test_a_labelled_text_with_a_bar_is_known():
    pool = table({"headline": "Timu | mechi", "topic": ""}, {"headline": "Habari", "topic": ""})
    assert read_pool(pool, facts(), ["Timu | mechi"], 1).texts == ["Habari"]


def test_pairs_are_read_from_both_columns():
    model = facts(pair="body")
    pool = table({"headline": "Timu", "body": "ilishinda"}, {"headline": "Habari", "body": "mpya"})
    assert read_pool(pool, model, ["Timu | ilishinda"], 1).texts == [("Habari", "mpya")]


def test_text_files_have_the_column_text():
    assert read(table({"text": "Habari"}, is_text=True)).texts == ["Habari"]


def test_another_column_can_be_named():
    assert read(table({"title": "Habari"}), text="title").texts == ["Habari"]
    with pytest.raises(DataError, match="no column 'headline'"):
        read(table({"title": "Habari"}))


def test_a_pool_that_is_too_small_is_refused():
    with pytest.raises(DataError, match="has 1 row to label, fewer than 2") as caught:
        read(table({"headline": "Habari"}), n=2)
    assert "--n 1" in str(caught.value)


def test_columns_of_the_result_must_be_free():
    with pytest.raises(UserError, match="'reason'"):
        read(table({"headline": "Habari", "reason": "x"}))
    with pytest.raises(UserError):
        read(table({"headline": "Habari"}), n=0)


def test_another_script_is_told():
    assert len(read(table({"headline": "ሰላም ለዓለም"})).warnings) == 1


def test_large_pools_are_thinned_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xstilts.fitting.pool.MOST", 10)
    found = read(table(*({"headline": f"Habari {number}"} for number in range(35))), n=4)
    assert len(found.texts) == 10
    assert found.left_out == ["pool.csv: 10 of 35 rows considered, evenly spaced"]
