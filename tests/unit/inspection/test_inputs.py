"""What `plan` and `run` check of benchmarks, texts and translations before anything is trained."""

import json
from pathlib import Path

import pytest
from tests.tiny import build as build_encoder

from xstilts.api import runs
from xstilts.data import hub_data
from xstilts.inspection.finding import InspectionError

TRAIN = "{steps: 1, batch_size: 2, max_length: 32, precision: fp32}"
ANSWERED, WITHHELD = [{"answer_start": 0, "text": "Ada"}], [{"answer_start": 0, "text": ""}]


class Recipe:
    """A recipe in a folder, with files that the test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.root.mkdir()
        self.encoder = build_encoder("xlm-roberta", folder / "encoder")

    def write(self, **blocks: str) -> None:
        lines = [f"{name}: {block.replace('TRAIN', TRAIN)}\n" for name, block in blocks.items()]
        head = f"name: inputs\nencoder: {self.encoder}\nseeds: [0]\n"
        (self.folder / "recipe.yaml").write_text(head + "".join(lines))

    def write_own(self, arms: str) -> None:
        for split in ("train", "dev", "test"):
            rows = "".join(f"{split} row {number},{'ab'[number % 2]}\n" for number in range(14))
            (self.folder / f"{split}.csv").write_text(f"text,label\n{rows}")
        files = "{en: {train: train.csv, dev: dev.csv, test: test.csv}}"
        self.write(
            tasks=f"{{mine: {{problem: classification, files: {files}, columns: {{text: text, label: label}}}}}}",
            targets="{mine: {train: TRAIN}}",
            intermediate=arms,
        )

    def write_questions(self, name: str, answers: object) -> None:
        questions = [{"id": "q1", "question": "Who?", "answers": answers}]
        articles = [{"paragraphs": [{"context": "Ada wrote it.", "qas": questions}]}]
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"version": "1.1", "data": articles}), encoding="utf-8")

    def plan(self) -> runs.Preview:
        return runs.plan(self.folder / "recipe.yaml", store=self.folder / "store", offline=True, data_root=self.root)

    def run(self) -> None:
        runs.run(self.folder / "recipe.yaml", store=self.folder / "store", offline=True, data_root=self.root, workers=1)

    def errors(self) -> set[tuple[str, str, str]]:
        """(code, task, language) of the errors of `plan`, which are those of `run`."""
        with pytest.raises(InspectionError) as planned:
            self.plan()
        with pytest.raises(InspectionError) as ran:
            self.run()
        assert not list((self.folder / "store").glob("artifacts/*"))
        assert ran.value.findings == planned.value.findings
        self.messages = [finding.message for finding in planned.value.findings]
        return {(finding.code, finding.task, finding.language) for finding in planned.value.findings}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    return Recipe(tmp_path)


def test_texts_and_translations_are_read_before_training(recipe: Recipe) -> None:
    recipe.write_own(
        "{plain: {mlm: {texts: {sw: sw.jsonl, fi: fi.csv}}, train: TRAIN},"
        " translated: {tasks: [mine], translate: {to: [sw], files: {mine: mt.csv}}, train: TRAIN}}"
    )
    (recipe.folder / "sw.jsonl").write_text('{"text": "habari"}\n{"text": ["a"]}\n{"text": {}}\n')
    (recipe.folder / "fi.csv").write_text("id,body\n1,yksi\n")
    (recipe.folder / "mt.csv").write_text("text,label\nmstari,a\n")
    assert recipe.errors() == {
        ("invalid-texts", "texts", "sw"),
        ("invalid-texts", "texts", "fi"),
        ("invalid-translations", "mine", "sw"),
    }
    assert any("sw.jsonl:2" in message and "1 row more" in message for message in recipe.messages)
    assert any("fi.csv:2" in message for message in recipe.messages)


def test_all_invalid_rows_of_translations_are_counted(recipe: Recipe) -> None:
    recipe.write_own("{translated: {tasks: [mine], translate: {to: [sw], files: {mine: mt.jsonl}}, train: TRAIN}}")
    rows = [{"text": f"mstari {number}", "label": "ab"[number % 2]} for number in range(14)]
    path = recipe.folder / "mt.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert recipe.plan().warnings == ()
    rows[0]["label"] = "b"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (warning,) = recipe.plan().warnings
    assert "1 row of 14" in warning
    for number in (3, 5):
        rows[number]["label"] = ["a", "b"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert recipe.errors() == {("invalid-translations", "mine", "sw")}
    assert "mt.jsonl:4" in recipe.messages[0] and "1 row more" in recipe.messages[0]


def test_withheld_labels_and_broken_rows_of_benchmarks_are_found_by_plan(recipe: Recipe) -> None:
    recipe.write(targets="{xquad: {languages: [de, el, ar], train: TRAIN}}")
    for name in ("squad/train-v1.1.json", "squad/dev-v1.1.json", "xquad/xquad.en.json", "xquad/xquad.ar.json"):
        recipe.write_questions(name, ANSWERED)
    recipe.write_questions("xquad/xquad.de.json", WITHHELD)
    recipe.write_questions("xquad/xquad.el.json", 5)
    assert recipe.errors() == {("invalid-row", "xquad", "de"), ("invalid-row", "xquad", "el")}


def test_benchmarks_that_are_not_here_are_named_and_not_downloaded(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_data, "_request_listing", lambda *_: pytest.fail("a request"))
    recipe.write(
        targets="{xquad: {languages: [de], train: TRAIN}}",
        intermediate="{plain: {mlm: {texts: {sw: hub:owner/name/sw}}, train: TRAIN}}",
    )
    for name in ("squad/train-v1.1.json", "squad/dev-v1.1.json", "xquad/xquad.en.json"):
        recipe.write_questions(name, ANSWERED)
    assert [name.split(" ")[0] for name in recipe.plan().unchecked] == ["xquad", "hub:owner/name/sw"]


def test_nothing_is_read_for_stages_that_are_stored(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe.write_own("{plain: {mlm: {texts: {sw: sw.txt}}, train: TRAIN}}")
    (recipe.folder / "sw.txt").write_text("".join(f"habari {number}\n" for number in range(20)))
    recipe.run()
    monkeypatch.setattr("xstilts.inspection.texts.read_texts", lambda *_, **__: pytest.fail("read again"))
    assert recipe.plan().plan.misses == ()
