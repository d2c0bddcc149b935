"""Published shots, a mixed model, selection beside fixed steps, and translations: a whole run on a user's own task,
with real worker processes and the report."""

import csv
from pathlib import Path

import polars as pl
import pytest
from tests.tiny import build

import xstilts
from xstilts.api.results import compare
from xstilts.api.runs import Outcome, plan
from xstilts.cli.options import RunFlags
from xstilts.cli.runs import plan as print_plan

LANGUAGES = ("en", "de", "sw", "th")
RECIPE = """\
name: protocol
encoder: {encoder}
seeds: [0]
tasks:
  rooms:
    problem: classification
    files: {files}
    columns: {{id: id, group: group, text: text, label: room}}
intermediate: {{none: null}}
targets:
  rooms: {{translate_test: true, train: {{steps: 4, precision: fp32, max_length: 32}}}}
frozen: false
majority: false
fewshot:
  shots: [2, 1x3]
  draws: 2
  fixed_shots: true
  multilingual: true
  also_select: english_dev
  train: {{steps: 2, evaluations: 1, precision: fp32, max_length: 32}}
"""


def write(folder: Path) -> Path:
    """Rooms in four languages: published shots in German and Swahili, a translated test set in German."""
    rows = [
        {"id": f"r{number}", "group": f"g{number}", "text": f"lamp {number} in the {room}", "room": room}
        for number, room in enumerate(["kitchen", "cellar"] * 20)
    ]
    splits = {"train": rows[:16], "dev": rows[16:24], "test": rows[24:]}
    more = {
        "de": {"shots-2": rows[:2], "shots-1x3": rows[1:4], "test-mt": rows[24:]},
        "sw": {"shots-2": rows[2:4]},
    }
    files: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        for split, part in (splits | more.get(language, {})).items():
            path = folder / f"{language}-{split}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(part)
            files.setdefault(language, {})[split] = path.name
    (folder / "protocol.yaml").write_text(RECIPE.format(encoder=build("xlm-roberta", folder / "encoder"), files=files))
    return folder / "protocol.yaml"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("protocol")
    path = write(folder)
    return path, xstilts.run(path, store=folder / "store", offline=True, workers=2)


def test_every_arm_is_scored_where_the_task_has_it(ran: tuple[Path, Outcome]) -> None:
    found = ran[1].results().filter(pl.col("metric") == "accuracy")
    counts = found.group_by("method", "shots", "language").len().filter(pl.col("language") != "en")
    rows = {(row["method"], row["shots"], row["language"]): row["len"] for row in counts.to_dicts()}
    three = ("de", "sw", "th")
    drawn = {(method, 2, language): 2 for method in ("full", "multilingual", "english-dev") for language in three}
    published = {("fixed-shots", 2, "de"): 1, ("fixed-shots", 2, "sw"): 1, ("fixed-shots-1x3", 3, "de"): 1}
    zero_shot = {("zero-shot", 0, language): 1 for language in three} | {("translate-test", 0, "de"): 1}
    assert rows == drawn | published | zero_shot
    adapted = found.filter(pl.col("shots") > 0)
    assert adapted["weights_changed"].null_count() == adapted["step_kept"].null_count() == 0
    kept = {row["method"]: row["selection"] for row in adapted.to_dicts()}
    assert (
        kept["english-dev"] == "english_dev" and kept["multilingual"] == kept["fixed-shots"] == kept["full"] == "none"
    )


def test_arms_with_and_without_draws_are_compared(ran: tuple[Path, Outcome]) -> None:
    path, _ = ran
    store = path.parent / "store"
    for treatment, baseline, languages, draws in (
        ("none/2/fixed-shots", "none/2/full", {"mean", "de", "sw"}, 2),
        ("none/3/fixed-shots-1x3", "none/0", {"mean", "de"}, 0),
        ("none/2/multilingual", "none/2/full", {"mean", "de", "sw", "th"}, 2),
    ):
        rows = compare(treatment, baseline, recipe=path, store=store)
        assert {row.language for row in rows} == languages
        assert {row.draws for row in rows} == {draws}


def test_the_report_names_the_arms(ran: tuple[Path, Outcome]) -> None:
    page = ran[1].summary.path.read_text(encoding="utf-8")
    names = (
        "2-shot, fixed set",
        "3-shot, fixed set 1x3",
        "2-shot, multilingual",
        "2-shot, english-dev",
        "translate-test",
    )
    for name in names:
        assert f"none \u2192 {name}" in page


def test_plan_lists_skipped_requests(ran: tuple[Path, Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = ran
    skipped = (
        "rooms: no split test-mt in sw, th",
        "rooms: no published shots 1x3 in sw",
        "rooms: no published shots 2, 1x3 in th",
    )
    found = plan(path, store=path.parent / "store", offline=True)
    assert (found.skipped, found.plan.misses) == (skipped, ())
    print_plan(str(path), options=RunFlags(store=path.parent / "store", offline=True))
    out = capsys.readouterr().out
    assert all(line in out for line in skipped)
