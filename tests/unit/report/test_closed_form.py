import pytest

from xstilts.methods.lda_settings import LdaSettings
from xstilts.planning.stage import Cell
from xstilts.report.closed_form import selected_settings_table
from xstilts.report.provenance import Provenance
from xstilts.store.facts import FewshotFacts, ScoreFacts
from xstilts.store.store import Manifest


def manifest(shrinkage, accuracy, reached):
    settings = None
    if shrinkage is not None:
        settings = LdaSettings(
            shrinkage=shrinkage, shots_weight=3.0, rows=20, accuracy=accuracy, loss=1.0, default_loss=1.2
        )
    scores = ScoreFacts(by_metric={"macro_f1": 0.1, "accuracy": reached}, items=10, groups=10)
    return Manifest.model_construct(facts=FewshotFacts.model_construct(settings=settings, scores=scores))


@pytest.fixture
def cells():
    return [
        Cell(
            task="news",
            intermediate="none",
            language="sw",
            seed=0,
            shots=4,
            draw=draw,
            method="lda",
            artifact=f"{draw}",
            encoder="e5-small",
            split="test",
        )
        for draw in range(4)
    ]


def test_selected_settings_are_counted_with_promised_and_reached_accuracy(cells, monkeypatch):
    monkeypatch.setattr(Provenance, "link", lambda self, task, arm: "#")
    manifests = {
        "0": manifest(0.6, 0.5, 0.4),
        "1": manifest(0.6, 0.7, 0.6),
        "2": manifest(0.1, 0.6, 0.8),
        "3": manifest(None, 0.0, 0.0),
    }
    table = selected_settings_table(cells, manifests, Provenance.__new__(Provenance))
    assert table is not None
    (row,) = table.rows
    assert [entry.text for entry in row.entries[2:]] == ["3", "0.6 and 3 (2), 0.1 and 3 (1)", "60.0", "60.0"]


def test_there_is_no_table_without_selected_settings(cells):
    manifests = {cell.artifact: None if cell.draw else manifest(None, 0.0, 0.0) for cell in cells}
    assert selected_settings_table(cells, manifests, Provenance.__new__(Provenance)) is None
