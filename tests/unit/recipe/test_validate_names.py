import io
import unicodedata
from pathlib import Path

import pytest
from rich.console import Console

from xstilts.config.recipe import Recipe
from xstilts.errors import RecipeError
from xstilts.recipe.issues import dotted
from xstilts.recipe.load import checked_recipe, load_recipe, shipped_recipes
from xstilts.recipe.validate_names import is_safe_name, validate_names
from xstilts.report.build import _terminal_table
from xstilts.report.components import Head, Table

EVIL = ["../../../evil", "/etc/passwd", "a/b", "a\\b", "nul\0byte", "n" * 300, ".hidden", "", " a", "a\nb", "\x1b[31m"]
EVIL += ["[bold]x[/bold]", "-rf", "..", "\u202eabc", unicodedata.normalize("NFD", "ä")]


@pytest.mark.parametrize("name", EVIL)
def test_names_that_are_not_safe_in_a_path(name: str):
    assert not is_safe_name(name)


@pytest.mark.parametrize(
    "name", ["en", "zh-Hans", "pt_BR", "test-mt", "shots-100x5", "v1.2+x", "हिन्दी", "задача", "日本"]
)
def test_names_in_any_script_are_safe(name: str):
    assert is_safe_name(unicodedata.normalize("NFC", name))


def own_task(tmp_path: Path, language: str = "en", split: str = "train", name: str = "mine") -> dict:
    (tmp_path / "rows.csv").write_text("text,label\na,b\n")
    files = {language: {split: "rows.csv", "test": "rows.csv"}}
    return {name: {"problem": "classification", "files": files, "columns": {"text": "text", "label": "label"}}}


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    "place", ["task", "language", "split", "arm", "mlm", "translate", "fractions", "pool", "target", "revision"]
)
def test_every_name_that_becomes_a_path_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, evil: str
):
    if place == "revision" and evil in ("", "a/b"):
        pytest.skip("valid for a revision")
    cache = tmp_path / "cache"
    monkeypatch.setenv("XSTILTS_CACHE", str(cache))
    (tmp_path / "texts.txt").write_text("one\n")
    mlm = {"texts": {evil if place == "mlm" else "en": "texts.txt"}}
    to = evil if place == "translate" else "de"
    recipe = Recipe.model_validate(
        {
            "name": "recipe",
            "revision": evil if place == "revision" else None,
            "tasks": own_task(
                tmp_path,
                language=evil if place == "language" else "en",
                split=evil if place == "split" else "train",
                name=evil if place == "task" else "mine",
            ),
            "partition": {
                "xnli": {
                    "fractions": {evil if place == "fractions" else "train": 1.0},
                    "pool": [evil if place == "pool" else "dev"],
                }
            },
            "intermediate": {
                evil if place == "arm" else "texts": {"mlm": mlm},
                "translated": {"tasks": ["paraphrase"], "translate": {"to": to, "model": "someone/mt"}},
            },
            "targets": {"intent": {"split": evil if place == "target" else "test"}},
        }
    )
    with pytest.raises(RecipeError) as caught:
        checked_recipe(recipe, base=tmp_path)
    named = [issue for issue in caught.value.issues if issue.code == "invalid-name"]
    assert len(named) == 1, [dotted(issue.path) for issue in caught.value.issues]
    outside = {path.name for path in tmp_path.iterdir()} - {"cache", "rows.csv", "texts.txt"}
    assert not outside and not any("evil" in path.name for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("name", ["../evil", "n" * 300, "Name"])
def test_the_name_of_a_recipe_is_checked(tmp_path: Path, name: str):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"name: {name}\ntargets: {{intent: }}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert [(issue.code, issue.path) for issue in caught.value.issues] == [("invalid-name", ("name",))]


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_have_valid_names(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XSTILTS_DATA_ROOT", raising=False)
    assert list(validate_names(load_recipe(name).recipe)) == []


def test_markup_in_the_tables_of_the_terminal_is_text():
    stream = io.StringIO()
    table = Table(caption="[b]:dog:[/b]", heads=((Head(text="[red]h[/red]", number=False),),), rows=())
    Console(file=stream, emoji=False, width=100).print(_terminal_table(table))
    assert "[b]:dog:[/b]" in stream.getvalue() and "[red]h[/red]" in stream.getvalue()
