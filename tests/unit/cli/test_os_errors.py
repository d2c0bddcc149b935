"""Errors of the operating system are a sentence and exit code 1."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xstilts import cli
from xstilts.api.results import load_results
from xstilts.experiment import open_experiment, record_run, recorded_experiments

Capture = pytest.CaptureFixture[str]
MAIN = "from xstilts.cli import main; print('ready', flush=True); main()"


@pytest.mark.parametrize(
    "code",
    [
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
        *(errno.EIO, errno.EMFILE, errno.EEXIST, errno.ENOENT, errno.ELOOP),
    ],
)
def test_the_path_and_a_hint_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: Capture, code: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), "/data/store")

    monkeypatch.setattr("xstilts.api.runs.run", fail)
    assert cli.call(["run", "smoke"]) == 1
    head, hint = capsys.readouterr().err.splitlines()
    assert head == f"error: /data/store: {os.strerror(code)}" and hint.strip()


@pytest.mark.parametrize("command", ["run", "plan", "status", "results", "report"])
def test_a_store_that_is_a_file(tmp_path: Path, capsys: Capture, command: str):
    (tmp_path / "store").write_text("a file")
    assert cli.call([command, "smoke", "--store", str(tmp_path / "store")]) == 1
    assert str(tmp_path / "store") in capsys.readouterr().err


def test_a_store_below_a_file(tmp_path: Path, capsys: Capture):
    (tmp_path / "file").write_text("a file")
    code = cli.call(["report", "smoke", "--store", str(tmp_path), "--out", str(tmp_path / "file" / "report.html")])
    assert code == 1 and str(tmp_path / "file") in capsys.readouterr().err


def test_a_name_that_is_too_long(tmp_path: Path, capsys: Capture):
    path = tmp_path / ("n" * 300)
    assert cli.call(["report", "smoke", "--store", str(tmp_path), "--out", str(path)]) == 1
    assert "Traceback" not in capsys.readouterr().err and not list(tmp_path.glob(".*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("tokens", [["tasks"], ["tasks", "--json"], ["report", "smoke", "--out", "/dev/full"]])
def test_a_full_device(tmp_path: Path, tokens: list[str]):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from xstilts.cli import main; main()", *tokens],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_a_failed_report_keeps_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tokens = ["report", "smoke", "--store", str(tmp_path), "--out", str(tmp_path / "report.html")]
    assert cli.call(tokens) == 0
    before = (tmp_path / "report.html").read_bytes()

    def fail(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("xstilts.platform.files.fsync", fail)
    assert cli.call(tokens) == 1
    assert (tmp_path / "report.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"written": 1}', None])
def test_a_bad_record_does_not_block_the_other_recipes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str | None
):
    record_run(open_experiment("smoke", store=tmp_path))
    bad = tmp_path / "runs" / "bad.json"
    bad.write_text(content) if content is not None else bad.mkdir()
    (recorded,) = recorded_experiments(tmp_path)
    assert recorded.recipe.name == "smoke" and str(bad) in caplog.text
    assert load_results(store=tmp_path).height == 0


@pytest.mark.parametrize("delay", [0.05, 0.1, 0.2, 0.3, 0.5])
def test_an_interrupt_at_any_time_is_exit_code_130(tmp_path: Path, delay: float):
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "plan", "quickstart"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (130, 0), "interrupted, or finished before"
    assert err.startswith("interrupted") is (process.returncode == 130)
