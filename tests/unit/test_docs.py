"""The documentation is current, and what it tells to type is understood."""

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import xstilts
from xstilts.cli import build_app
from xstilts.config.recipe import Recipe

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            yield page.name, block


COMMANDS = [(page, line) for page, block in blocks("console") for line in block.splitlines()]


def test_generated_pages_are_current():
    for name, build in runpy.run_path(str(ROOT / "docs" / "build_reference.py"))["PAGES"].items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == build(), f"run `make docs`: {name} is not current"


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_commands_are_understood(page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()  # options are checked as they are parsed, and --data-root must exist
    program, *tokens = shlex.split(line)
    if program == "make":
        assert f"\n{tokens[0]}:" in (ROOT / "Makefile").read_text()
    elif program == "git":
        assert tokens[0] == "clone"
    else:
        assert program.removeprefix(".venv/bin/") == "xstilts"
        build_app().parse_args(tokens, exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("page", "block"), list(blocks("yaml")))
def test_recipes_are_valid(page: str, block: str):
    recipe = yaml.safe_load(block)
    recipe["targets"] = {name: target or {} for name, target in recipe["targets"].items()}
    recipe["intermediate"] = {name: arm or {} for name, arm in recipe.get("intermediate", {"none": {}}).items()}
    assert Recipe.model_validate(recipe).name == recipe["name"]


@pytest.mark.parametrize(("page", "block"), list(blocks("python")))
def test_python_names_exist(page: str, block: str):
    compile(block, page, "exec")
    for name in re.findall(r"\bxstilts\.([a-zA-Z_]\w*)\(", block):
        assert callable(getattr(xstilts, name))


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_results_block_of_the_readme_can_be_filled():
    fill = runpy.run_path(str(ROOT / "docs" / "build_readme.py"))["fill"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    filled = fill(readme, "| new |")
    assert filled != readme
    assert filled.count("| new |") == 1
    assert fill(filled, "| new |") == filled
    assert len(readme.splitlines()) <= 90
