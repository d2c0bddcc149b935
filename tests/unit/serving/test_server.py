"""The command as a process of its own."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from tests.unit.serving.models import fitted_model

from xstilts.cli import call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fitted_model(tmp_path / "encoder").save(tmp_path / "model")


def test_it_answers_until_an_interrupt(folder: Path, tmp_path: Path):
    command = [sys.executable, "-c", "import xstilts.cli; xstilts.cli.main()", "serve", str(folder), "--port", "0"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        body = json.dumps({"text": "abc", "label": "sport", "predicted": "health"}).encode()
        with urlopen(Request(f"{url}corrections", body, {"content-type": "application/json"})) as answer:
            assert json.load(answer)["rows"] == 1
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in errors and "corrections.csv has 1 correction" in errors
    assert (tmp_path / "corrections.csv").read_text().splitlines() == [
        "headline,category,predicted",
        "abc,sport,health",
    ]


def test_a_used_port_is_an_error_of_the_user(folder: Path, capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert call(["serve", str(folder), "--port", str(port)]) == 2
    assert f"port {port} is in use" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--host", "256.0.0.1"], ["--port", "65536"], ["--corrections", "a.txt"], ["--max-texts", "0"]]
)
def test_options_that_cannot_be_used(folder: Path, options: list[str], capsys: pytest.CaptureFixture[str]):
    assert call(["serve", str(folder), *options]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_without_a_model(tmp_path: Path):
    assert call(["serve", str(tmp_path)]) == 2


def test_missing_packages_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert call(["serve", str(folder)]) == 2
    assert "pip install 'xstilts[serve]'" in capsys.readouterr().err
