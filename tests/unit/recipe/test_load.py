from pathlib import Path

import pytest

from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.errors import RecipeError
from xstilts.recipe.load import checked_recipe, load_recipe, shipped_recipes
from xstilts.tasks import load_task

GOOD = """\
name: mine
seeds: [0, 1]
development_languages: [de]
intermediate:
  none:
  english: {tasks: [paraphrase]}
targets:
  intent:
    languages: [fi, ru]
fewshot:
  shots: [4]
primary:
  task: intent
  treatment: {intermediate: english, shots: 4}
  baseline: {intermediate: none, shots: 4}
"""


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def complaints(path: Path, *overrides: str) -> list[str]:
    """The lines of the refusal, without the folder."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    return [line.strip().replace(f"{path.parent}/", "") for line in caught.value.message.splitlines()]


def test_a_recipe_is_loaded_with_its_tasks(tmp_path: Path):
    loaded = load_recipe(write(tmp_path, GOOD))
    assert loaded.recipe.targets == {"intent": Target(languages=("fi", "ru"))}
    assert loaded.recipe.intermediate == {"none": Intermediate(), "english": Intermediate(tasks=("paraphrase",))}
    assert {name: task.problem for name, task in loaded.tasks.items()} == dict.fromkeys(
        ("intent", "paraphrase"), "classification"
    )
    assert (loaded.base, loaded.text) == (tmp_path, GOOD)


def test_four_mistakes_are_told_at_once_with_their_lines(tmp_path: Path):
    text = GOOD.replace("intent:\n", "intnet:\n").replace("[4]", "[-4]").replace("seeds", "sedes") + (
        "tasks:\n"
        "  reviews:\n"
        "    problem: classification\n"
        "    columns: {text: body, label: stars}\n"
        "    files:\n"
        "      no: reviews.no.csv\n"
    )
    assert complaints(write(tmp_path, text)) == [
        "mine.yaml has 4 mistakes:",
        "mine.yaml:2: unknown key 'sedes'; did you mean 'seeds'?",
        "mine.yaml:8: there is no task 'intnet'; did you mean 'intent'?",
        "mine.yaml:11: fewshot.shots[0] must be greater than 0, not -4",
        "mine.yaml:21: there is no file reviews.no.csv",
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "name: mine",
            "name: Mine",
            "mine.yaml:1: name must hold only lower-case letters, digits, - and _, not 'Mine'",
        ),
        ("name: mine\n", "", "mine.yaml:1: name is missing"),
        ("[0, 1]", "[0, 0]", "mine.yaml:2: seeds names 0 twice"),
        ("[0, 1]", "0", "mine.yaml:2: seeds must be a list, not 0"),
        ("name: mine", "name: mine\nencoder: e5-smal", "mine.yaml:2: there is no encoder 'e5-smal'"),
        ("name: mine", "name: mine\nencoder: efficientnet-lite0", "mine.yaml:2: efficientnet-lite0 reads no texts"),
        ("name: mine", "name: mine\nname: other", "mine.yaml:2: 'name' stands here a second time"),
        ("[fi, ru]", "[fi, xx]", "mine.yaml:9: "),
        ("intent:\n    languages: [fi, ru]", "intent: 5", "must be a block of `key: value`, not 5"),
        ("task: intent", "task: slots", "mine.yaml:13: "),
        ("shots: 4}\n  base", "shots: 8}\n  base", "mine.yaml:14: "),
        (
            "none, shots: 4",
            "english, shots: 4",
            "mine.yaml:12: the treatment and the baseline of primary are the same arm",
        ),
        ("[paraphrase]", "[ui-bitext]", "mine.yaml:6: "),
        ("[paraphrase]", "[], match_steps_of: englisch", "'englisch'"),
        ("shots: [4]", "shots: [4]\n  method: [ful]", "unknown key 'method'; did you mean 'methods'?"),
        ("shots: [4]", "shots: [4]\n  methods: [ful]", "'joint', 'average' or 'lda', not 'ful'"),
        ("shots: [4]", "shots: [4]\n  train: {epochs: soon}", "fewshot.train.epochs must be a number, not 'soon'"),
    ],
)
def test_one_mistake_is_told_once(tmp_path: Path, old: str, new: str, complaint: str):
    assert old in GOOD
    head, *lines = complaints(write(tmp_path, GOOD.replace(old, new)))
    assert (head, len(lines)) == ("mine.yaml has a mistake:", 1), lines
    assert complaint in lines[0]


def test_overrides_reach_any_field(tmp_path: Path):
    overrides = (
        "fewshot.shots=[1,4]",
        "targets.intent.train.epochs=3",
        "intermediate.none.train.batch_size=8",
        "seeds=[5]",
    )
    recipe = load_recipe(write(tmp_path, GOOD), overrides).recipe
    assert (recipe.fewshot and recipe.fewshot.shots, recipe.seeds) == ((1, 4), (5,))
    assert recipe.targets["intent"].train.epochs == 3
    assert recipe.intermediate["none"].train.batch_size == 8


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("fewshots.shots=[1]", "--set fewshots.shots=[1]: unknown key 'fewshots'; did you mean 'fewshot'?"),
        ("fewshot.draws=0", "--set fewshot.draws=0: fewshot.draws must be greater than 0, not 0"),
        ("seeds", "--set seeds names no key and value"),
        ("name.x=1", "--set name.x=1: name is 'mine'"),
        ("seeds=[1", "--set seeds=[1: expected ',' or ']', but got '<stream end>'"),
        ("targets.intnet.max_items=5", "--set targets.intnet.max_items=5: there is no task 'intnet'"),
    ],
)
def test_mistakes_of_an_override_name_it(tmp_path: Path, override: str, complaint: str):
    assert complaint in complaints(write(tmp_path, GOOD), override)[-1]


def test_files_that_are_no_recipe(tmp_path: Path):
    assert complaints(write(tmp_path, "a: [1\nb")) == ["mine.yaml:2: expected ',' or ']', but got '<stream end>'"]
    assert complaints(write(tmp_path, "")) == ["mine.yaml holds no recipe"]
    assert complaints(tmp_path / "absent.yaml") == ["there is no file absent.yaml"]
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    assert complaints(tmp_path / "latin.yaml") == ["latin.yaml is not UTF-8 (byte 9)"]


def test_splits_that_an_own_task_leaves_out(tmp_path: Path):
    for name in ("en.csv", "de.csv", "fi.csv"):
        write(tmp_path, "text,label\na,b\n", name)
    text = (
        "name: mine\n"
        "tasks:\n"
        "  rooms:\n"
        "    problem: classification\n"
        "    columns: {text: text, label: label}\n"
        "    files:\n"
        "      en: {train: en.csv}\n"
        "      de: {test: de.csv}\n"
        "      fi: fi.csv\n"
        "targets:\n"
        "  rooms:\n"
    )
    assert complaints(write(tmp_path, text))[1:] == ["mine.yaml:7: 'rooms' needs a file for dev and test in 'en'"]
    assert complaints(write(tmp_path, text + "fewshot:\n  shots: [1]\n"))[1:] == [
        "mine.yaml:7: 'rooms' needs a file for dev and test in 'en'",
        "mine.yaml:8: 'rooms' needs a file for train in 'de'",
    ]


def test_shipped_recipes_load(monkeypatch):
    monkeypatch.delenv("XSTILTS_DATA_ROOT", raising=False)  # whose files decide which splits there are
    assert {"smoke", "quickstart"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert load_recipe(name).recipe.name == name


def test_a_shipped_name_that_is_misspelt():
    with pytest.raises(RecipeError, match="did you mean 'quickstart'"):
        load_recipe("quikstart")


def test_a_recipe_built_in_python_is_checked_too():
    good = Recipe(name="mine", targets={"intent": Target()}, fewshot=Fewshot())
    assert checked_recipe(good).recipe == good
    with pytest.raises(RecipeError, match="there is no task 'intnet'"):
        checked_recipe(Recipe(name="mine", targets={"intnet": Target()}))


def test_mistakes_of_masked_texts_and_alignment_have_their_lines(tmp_path: Path):
    text = """\
name: mine
intermediate:
  none:
  read:
    mlm:
      texts:
        fi: fi.txt
        ru: hub:alone
      masking: 1.5
  aligned:
    align: {task: ui-bitext, languages: [xx], split: test}
  steps: {match_steps_of: read, mlm: {texts: {fi: fi.txt}}}
targets:
  ui-bitext:
"""
    languages = ", ".join(load_task("ui-bitext").languages)
    assert complaints(write(tmp_path, text)) == [
        "mine.yaml has 6 mistakes:",
        "mine.yaml:7: there is no file fi.txt",
        "mine.yaml:8: 'hub:alone' is not hub:owner/name, or with /configuration",
        "mine.yaml:9: intermediate.read.mlm.masking must be less than 1, not 1.5",
        f"mine.yaml:11: intermediate.aligned.align.languages: task 'ui-bitext' has no xx; it has {languages}",
        "mine.yaml:11: intermediate.aligned.align.split: 'test' of 'ui-bitext' is scored, so nothing may be trained on "
        "it",
        "mine.yaml:12: `match_steps_of` is a control without mlm: remove `mlm` or `match_steps_of`",
    ]


def test_a_number_of_shots_may_be_the_name_of_a_published_set(tmp_path: Path):
    path = write(tmp_path, GOOD.replace("shots: [4]", "shots: [4, 100x5]"))
    assert complaints(path) == [
        "mine.yaml has a mistake:",
        "mine.yaml:11: fewshot.shots: '100x5' is the name of a published set: say `fixed_shots: true` as well",
    ]
    assert complaints(path, "fewshot.shots=[4, 5y]")[1].endswith("fewshot.shots[1] must be a whole number, not '5y'")
