from pathlib import Path

import pytest
from tests.unit.serving.models import fitted_model

from xstilts.errors import DataError
from xstilts.fitting.facts import ModelFacts
from xstilts.formats.tables import rows
from xstilts.problems import PROBLEMS
from xstilts.problems.cells import FileRow
from xstilts.serving.corrections import Corrections
from xstilts.serving.refusals import RefusedError
from xstilts.serving.schemas import CorrectionRequest, Labels, Text

TEXTS = ["abc", "=1+1", '"a", b', "line\rone\r\nline two\nthree", "هذا نص", "-x", "'y"]


@pytest.fixture
def facts(tmp_path: Path) -> ModelFacts:
    return fitted_model(tmp_path / "encoder").facts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "corrections.csv"


def correction(text: Text, label: Labels = "sport", predicted: Labels = "health") -> CorrectionRequest:
    return CorrectionRequest(text=text, label=label, predicted=predicted)


def read(path: Path, facts: ModelFacts, label_column: str) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """Text, pair and labels of each row, as training reads them."""
    field = "labels" if facts.problem == "multi-label" else "label"
    columns = {**facts.columns, field: label_column}
    if field == "labels":
        columns.pop("label", None)
    cells = [(FileRow(path, line, row, columns), str(line)) for line, row in rows(path)]
    examples, errors = PROBLEMS[facts.problem].read_rows(cells, "sw")
    assert not errors
    return [(example.text, example.pair, example.classes) for example in examples]


def test_training_reads_what_was_corrected(path: Path, facts: ModelFacts):
    file = Corrections(path, facts)
    for text in TEXTS:
        file.add(correction(text))
    assert read(path, facts, "category") == [(text, None, ("sport",)) for text in TEXTS]
    assert [row["predicted"] for _, row in rows(path)] == ["health"] * len(TEXTS)
    assert Corrections(path, facts).rows == len(TEXTS)


def test_pairs(path: Path, facts: ModelFacts):
    facts = facts.model_copy(update={"columns": {"text": "premise", "pair": "hypothesis"}})
    Corrections(path, facts).add(correction(("a", "b")))
    assert read(path, facts, "label") == [("a", "b", ("sport",))]


@pytest.mark.parametrize("labels", [[], ["sport"], ["sport", "health"]])
def test_multi_label(path: Path, facts: ModelFacts, labels: list[str]):
    facts = facts.model_copy(update={"problem": "multi-label"})
    Corrections(path, facts).add(correction("abc", labels, ["politics"]))
    assert read(path, facts, "category") == [("abc", None, tuple(sorted(labels)))]


def test_a_second_label_replaces_the_first_and_both_can_be_undone(path: Path, facts: ModelFacts):
    file = Corrections(path, facts)
    file.add(correction("abc", "sport"))
    file.add(correction("def", "sport"))
    assert file.add(correction(" abc", "politics")).replaced == "sport"
    assert read(path, facts, "category") == [("abc", None, ("politics",)), ("def", None, ("sport",))]
    assert (file.undo().label, file.rows) == ("politics", 2)
    assert read(path, facts, "category") == [("abc", None, ("sport",)), ("def", None, ("sport",))]
    file.undo()
    assert read(path, facts, "category") == [("abc", None, ("sport",))]
    file.undo()
    assert not path.exists()
    with pytest.raises(RefusedError) as caught:
        file.undo()
    assert caught.value.status == 404


def test_rows_of_an_earlier_server_stay(path: Path, facts: ModelFacts):
    Corrections(path, facts).add(correction("abc"))
    file = Corrections(path, facts)
    file.add(correction("def"))
    file.undo()
    assert read(path, facts, "category") == [("abc", None, ("sport",))]
    with pytest.raises(RefusedError):
        file.undo()


def test_a_file_that_was_changed_is_kept(path: Path, facts: ModelFacts):
    file = Corrections(path, facts)
    file.add(correction("abc"))
    with path.open("a") as opened:
        opened.write("by hand,health,sport\n")
    with pytest.raises(RefusedError) as caught:
        file.undo()
    assert caught.value.status == 409
    file.add(correction("def"))
    assert [text for text, _, _ in read(path, facts, "category")] == ["abc", "by hand", "def"]


def test_another_correction_is_not_undone(path: Path, facts: ModelFacts):
    file = Corrections(path, facts)
    first, second = file.add(correction("abc")), file.add(correction("def"))
    with pytest.raises(RefusedError) as caught:
        file.undo(first.number)
    assert caught.value.status == 409
    assert file.undo(second.number).text == "def"


@pytest.mark.parametrize("label", ["sports", ["sport"]])
def test_labels_that_the_model_does_not_have(path: Path, facts: ModelFacts, label: Labels):
    with pytest.raises(RefusedError) as caught:
        Corrections(path, facts).add(correction("abc", label))
    assert caught.value.status == 422 and not path.exists()


@pytest.mark.parametrize("content", ["text,label\na,b\n", "text,label\n", 'headline,category,predicted\n"a'])
def test_files_that_are_something_else(tmp_path: Path, facts: ModelFacts, content: str):
    path = tmp_path / "other.csv"
    path.write_text(content)
    with pytest.raises(DataError):
        Corrections(path, facts)
    assert path.read_text() == content


def test_a_name_that_is_no_csv_is_refused(tmp_path: Path, facts: ModelFacts):
    for path in (tmp_path / "a.jsonl", tmp_path):
        with pytest.raises(DataError):
            Corrections(path, facts)


def test_a_column_named_predicted_is_not_written_twice(path: Path, facts: ModelFacts):
    facts = facts.model_copy(update={"columns": {"text": "text", "label": "predicted"}})
    Corrections(path, facts).add(correction("abc"))
    assert [row for _, row in rows(path)] == [{"text": "abc", "predicted": "sport", "predicted_by_model": "health"}]
