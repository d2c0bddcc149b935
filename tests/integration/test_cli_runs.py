"""A whole run from the command line: a tiny encoder, a user's own files, real worker processes."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.own import write_recipe

COMMAND = [sys.executable, "-c", "from xstilts.cli import main; main()"]


def call(folder: Path, *tokens: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *tokens], capture_output=True, text=True, cwd=folder, check=False, timeout=240)


def told(folder: Path, *tokens: str) -> str:
    done = call(folder, *tokens)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ran")
    write_recipe(folder)
    done = call(folder, "run", "own.yaml", "--workers", "1", "--offline")
    assert done.returncode == 0, done.stderr
    assert "rooms: macro F1" in done.stdout
    assert done.stdout.splitlines()[-1] == "report: store/reports/own.html"
    assert "0 cached" in done.stderr
    return folder


def test_a_second_run_uses_the_cache(ran: Path):
    done = call(ran, "run", "own.yaml", "--offline", "--json")
    assert done.returncode == 0
    assert done.stderr.startswith("0 stages run")
    assert json.loads(done.stdout)["report"] == "store/reports/own.html"


def test_results_of_the_last_run_in_every_format(ran: Path):
    rows = json.loads(told(ran, "results", "--json"))
    assert {(row["language"], row["method"]) for row in rows} == {
        ("en", "zero-shot"),
        ("de", "zero-shot"),
        ("en", "frozen"),
        ("de", "frozen"),
        ("en", "majority"),
        ("de", "majority"),
        ("de", "lora"),
    }
    table = list(csv.DictReader(io.StringIO(told(ran, "results", "--format", "csv"))))
    assert [row["artifact"] for row in table] == [row["artifact"] for row in rows]
    query = "select language, count(*) as n from predictions group by language order by language"
    assert [row["language"] for row in json.loads(told(ran, "results", "--sql", query, "--json"))] == ["de", "en"]
    assert told(ran, "results", "own.yaml", "--json") == told(ran, "results", "--json")


def test_arms_are_compared(ran: Path):
    rows = json.loads(told(ran, "compare", "none/1/lora", "none/0", "--json"))
    assert [row["language"] for row in rows] == ["mean", "de"]
    assert rows[0]["low"] <= rows[0]["difference"] <= rows[0]["high"]


def test_status_plan_and_gc_agree_after_a_run(ran: Path):
    states = {row["state"] for row in json.loads(told(ran, "status", "--json"))}
    assert states == {"done"}
    assert json.loads(told(ran, "plan", "own.yaml", "--json"))["plan"]["misses"] == []
    removed = json.loads(told(ran, "gc", "--dry-run", "--json"))
    assert (removed["keys"], removed["leftovers"]) == ([], [])


def test_the_report_is_written_to_the_given_path(ran: Path):
    told(ran, "report", "--out", "elsewhere.html")
    assert "<html" in (ran / "elsewhere.html").read_text(encoding="utf-8")


def test_an_interrupted_run_exits_with_130_and_keeps_finished_stages(tmp_path: Path):
    write_recipe(tmp_path)
    options = ["--workers", "1", "--offline", "--set", "targets.rooms.train.steps=100000"]
    running = subprocess.Popen(
        [*COMMAND, "run", "own.yaml", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    while not list(tmp_path.glob("store/artifacts/*/manifest.json")) and running.poll() is None:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.splitlines()[-1].startswith("interrupted")
    assert "Traceback" not in err
    states = [row["state"] for row in json.loads(told(tmp_path, "status", "--json"))]
    assert states.count("done") == 1
