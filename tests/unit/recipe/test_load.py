from pathlib import Path

import pytest
from pydantic import BaseModel

from xstilts.config.files import Partition
from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.config.renamed import RENAMED_KEYS
from xstilts.config.training import Fusion, Mlm, Train
from xstilts.errors import RecipeError
from xstilts.recipe.issues import dotted
from xstilts.recipe.load import checked_recipe, load_recipe, shipped_recipes

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


def refused(path: Path, *overrides: str) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    return caught.value


def found(path: Path, *overrides: str) -> list[tuple[str, str]]:
    """Code and path of every issue."""
    return [(issue.code, dotted(issue.path)) for issue in refused(path, *overrides).issues]


def places(path: Path, *overrides: str) -> list[str]:
    """What each line of the error begins with: the line of the file without its folder, or the override."""
    _, *lines = refused(path, *overrides).message.splitlines()
    return [line.strip().replace(f"{path.parent}/", "").partition(": ")[0] for line in lines]


def test_a_recipe_is_loaded_with_its_tasks(tmp_path: Path):
    loaded = load_recipe(write(tmp_path, GOOD))
    assert loaded.recipe.targets == {"intent": Target(languages=("fi", "ru"))}
    assert loaded.recipe.intermediate == {"none": Intermediate(), "english": Intermediate(tasks=("paraphrase",))}
    assert {name: task.problem for name, task in loaded.tasks.items()} == dict.fromkeys(
        ("intent", "paraphrase"), "classification"
    )
    assert (loaded.base, loaded.text) == (tmp_path, GOOD)


def test_four_issues_are_reported_at_once_with_their_lines(tmp_path: Path):
    text = GOOD.replace("intent:\n", "intnet:\n").replace("[4]", "[-4]").replace("seeds", "sedes") + (
        "tasks:\n"
        "  reviews:\n"
        "    problem: classification\n"
        "    columns: {text: body, label: stars}\n"
        "    files:\n"
        "      no: reviews.no.csv\n"
    )
    path = write(tmp_path, text)
    error = refused(path)
    assert [(issue.code, dotted(issue.path)) for issue in error.issues] == [
        ("unknown-key", "sedes"),
        ("unknown-task", "targets.intnet"),
        ("out-of-range", "fewshot.shots[0]"),
        ("missing-file", "tasks.reviews.files.no"),
    ]
    assert places(path) == ["mine.yaml:2", "mine.yaml:8", "mine.yaml:11", "mine.yaml:21"]
    assert [issue.hint for issue in error.issues][:2] == ["did you mean 'seeds'?", "did you mean 'intent'?"]
    assert error.message.splitlines()[0] == "recipe 'mine' has 4 errors:"


@pytest.mark.parametrize(
    ("old", "new", "code", "path", "line"),
    [
        ("name: mine", "name: Mine", "invalid-name", "name", 1),
        ("name: mine\n", "", "missing-key", "name", 1),
        ("[0, 1]", "[0, 0]", "duplicate-value", "seeds[1]", 2),
        ("[0, 1]", "0", "wrong-type", "seeds", 2),
        ("[0, 1]", "[-1]", "out-of-range", "seeds[0]", 2),
        ("name: mine", "name: mine\nencoder: e5-smal", "unknown-encoder", "encoder", 2),
        ("name: mine", "name: mine\nencoder: efficientnet-lite0", "no-text-encoder", "encoder", 2),
        ("name: mine", "name: mine\nname: other", "duplicate-key", "name", 2),
        ("[fi, ru]", "[fi, xx]", "unknown-language", "targets.intent.languages", 9),
        ("intent:\n    languages: [fi, ru]", "intent: 5", "wrong-type", "targets.intent", 8),
        ("task: intent", "task: slots", "unknown-target", "primary.task", 13),
        ("shots: 4}\n  base", "shots: 8}\n  base", "unknown-shots", "primary.treatment.shots", 14),
        ("none, shots: 4", "english, shots: 4", "same-arms", "primary", 12),
        ("[paraphrase]", "[ui-bitext]", "not-trainable", "intermediate.english.tasks", 6),
        ("[paraphrase]", "[], match_steps_of: englisch", "unknown-arm", "intermediate.english.match_steps_of", 6),
        ("shots: [4]", "shots: [4]\n  method: [ful]", "unknown-key", "fewshot.method", 12),
        ("shots: [4]", "shots: [4]\n  methods: [ful]", "invalid-value", "fewshot.methods[0]", 12),
        ("shots: [4]", "shots: [4]\n  methods: [{method: ful}]", "invalid-value", "fewshot.methods[0]", 12),
        ("shots: [4]", "shots: [4]\n  methods: [{shrinkage: 0.1}]", "missing-key", "fewshot.methods[0]", 12),
        ("shots: [4]", "shots: [4]\n  methods: [4]", "wrong-type", "fewshot.methods[0]", 12),
        ("[4]", "[4]\n  methods: [full, lda, {method: lda, shrinkage: 1}]", "duplicate-value", "fewshot.methods", 12),
        ("[4]", "[4]\n  methods: [full, {method: lda, shrinkge: 1}]", "unknown-key", "fewshot.methods[1].shrinkge", 12),
        (
            "[4]",
            "[4]\n  methods: [full, {method: lda, shrinkage: 2}]",
            "out-of-range",
            "fewshot.methods[1].shrinkage",
            12,
        ),
        (
            "[4]",
            "[4]\n  methods: [{method: auto, candidates: [full]}]",
            "out-of-range",
            "fewshot.methods[0].candidates",
            12,
        ),
        ("shots: [4]", "shots: [4]\n  lda: {shrinkage: 1}", "renamed-key", "fewshot.lda", 12),
        ("shots: [4]", "shots: [4]\n  lora: {rank: 4}", "renamed-key", "fewshot.lora", 12),
        ("shots: 4}\n  base", "shots: 4, method: ful}\n  base", "invalid-value", "primary.treatment.method", 14),
        ("shots: [4]", "shots: [4]\n  train: {epochs: soon}", "wrong-type", "fewshot.train.epochs", 12),
        ("[4]", "[4, 100x5]", "fixed-shots-disabled", "fewshot.shots", 11),
        ("[4]", "[4, 5y]", "wrong-type", "fewshot.shots[1]", 11),
    ],
)
def test_one_issue_is_reported_once(tmp_path: Path, old: str, new: str, code: str, path: str, line: int):
    assert old in GOOD
    file = write(tmp_path, GOOD.replace(old, new))
    assert (found(file), places(file)) == ([(code, path)], [f"mine.yaml:{line}"])
    assert "has 1 error:" in refused(file).message


WITH_OLD_KEY = {
    Recipe: ("", GOOD + "OLD: null\n"),
    Intermediate: ("intermediate.english", GOOD.replace("[paraphrase]", "[paraphrase], OLD: null")),
    Target: ("targets.intent", GOOD.replace("[fi, ru]", "[fi, ru]\n    OLD: null")),
    Fewshot: ("fewshot", GOOD.replace("[4]", "[4]\n  OLD: null")),
    Partition: ("partition.anli", GOOD + "partition: {anli: {OLD: null}}\n"),
    Train: ("fewshot.train", GOOD.replace("[4]", "[4]\n  train: {OLD: null}")),
    Fusion: ("fusion", GOOD + "fusion: {OLD: null}\n"),
    Mlm: (
        "intermediate.english.mlm",
        GOOD.replace("[paraphrase]", "[paraphrase], mlm: {texts: {fi: hub:a/b}, OLD: null}"),
    ),
}


@pytest.mark.parametrize(("block", "old"), RENAMED_KEYS)
def test_a_renamed_key_reports_its_new_name(tmp_path: Path, block: type[BaseModel], old: str):
    path, text = WITH_OLD_KEY[block]
    new = RENAMED_KEYS[block, old]
    assert new in block.model_fields and old not in block.model_fields
    issues = refused(write(tmp_path, text.replace("OLD", old))).issues
    (issue,) = [issue for issue in issues if issue.code == "renamed-key"]
    assert dotted(issue.path) == f"{path}.{old}".removeprefix(".")
    assert repr(new) in issue.message


def test_a_renamed_value_reports_its_new_name(tmp_path: Path):
    text = GOOD.replace("shots: 4}\n  base", "shots: 4, method: published}\n  base")
    (issue,) = [issue for issue in refused(write(tmp_path, text)).issues if issue.code == "renamed-value"]
    assert dotted(issue.path) == "primary.treatment.method"
    assert "'fixed-shots'" in issue.message


def test_the_value_of_a_renamed_key_is_checked_too(tmp_path: Path):
    text = GOOD + "partition: {anli: {of: [dev], fractions: {train: 0.5}}}\n"
    assert found(write(tmp_path, text)) == [("invalid-value", "partition.anli"), ("renamed-key", "partition.anli.of")]


def test_what_follows_from_another_issue_is_not_reported(tmp_path: Path):
    """Tasks, arms and targets that are wrong themselves are not called unknown where they are named."""
    text = """\
name: mine
tasks:
  rooms: {problem: classification, files: {fi: rooms.csv}, columns: {text: a, label: b}}
intermediate:
  none:
  rooms: 5
  control: {match_steps_of: rooms}
targets:
  rooms:
  intent: 5
fewshot:
  shots: [-4]
  tasks: [rooms, intent]
  languages: [fi]
  intermediates: [rooms]
primary:
  task: intent
  treatment: {intermediate: rooms, shots: 4}
  baseline: {intermediate: none, shots: 4}
"""
    assert found(write(tmp_path, text)) == [
        ("missing-file", "tasks.rooms.files.fi"),
        ("wrong-type", "intermediate.rooms"),
        ("wrong-type", "targets.intent"),
        ("out-of-range", "fewshot.shots[0]"),
    ]


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
    ("override", "code", "path"),
    [
        ("fewshots.shots=[1]", "unknown-key", "fewshots"),
        ("fewshot.draws=0", "out-of-range", "fewshot.draws"),
        ("seeds", "invalid-override", ""),
        ("name.x=1", "invalid-override", ""),
        ("seeds=[1", "invalid-override", ""),
        ("targets.intnet.max_items=5", "unknown-task", "targets.intnet"),
    ],
)
def test_issues_of_an_override_name_it(tmp_path: Path, override: str, code: str, path: str):
    error = refused(write(tmp_path, GOOD), override)
    assert [(issue.code, dotted(issue.path)) for issue in error.issues] == [(code, path)]
    assert f"--set {override}" in error.message


def test_files_that_are_not_recipes(tmp_path: Path):
    assert found(write(tmp_path, "a: [1\nb")) == [("invalid-yaml", "")]
    assert refused(tmp_path / "mine.yaml").message.startswith(f"{tmp_path}/mine.yaml:2: ")
    assert found(write(tmp_path, "")) == [("wrong-type", "")]
    assert found(tmp_path / "absent.yaml") == [("missing-file", "")]
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    assert found(tmp_path / "latin.yaml") == [("unreadable-file", "")]
    assert "byte 9" in refused(tmp_path / "latin.yaml").message


@pytest.mark.parametrize("location", ["~nobody-of-this-name/en.csv", "x" * 5000, '"a\\0b.csv"'])
@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("tasks: {own: {problem: retrieval, columns: {text: a, english: b}, files: {en: FILE}}}", "tasks.own.files.en"),
        ("intermediate: {read: {mlm: {texts: {en: FILE}}}}", "intermediate.read.mlm.texts.en"),
        ("encoder: FILE", "encoder"),
    ],
)
def test_paths_that_no_file_can_have(tmp_path: Path, location: str, line: str, path: str):
    text = f"name: mine\n{line.replace('FILE', location)}\ntargets: {{ui-bitext: }}\n"
    assert path in [issue_path for _, issue_path in found(write(tmp_path, text))]


def test_a_file_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, "a,b\nc,d\n", "en.csv")
    task = "own: {problem: classification, columns: {text: a, label: b}, files: {en: ~/en.csv}}"
    path = write(tmp_path, f"name: mine\ntasks: {{{task}}}\ntargets: {{own: {{languages: [en]}}}}\n")
    assert load_recipe(path).tasks["own"].languages == ("en",)


def test_missing_split_files_of_a_users_task(tmp_path: Path):
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
    issue = ("missing-split-file", "tasks.rooms.files.en")
    assert found(write(tmp_path, text)) == [issue]
    with_shots = write(tmp_path, text + "fewshot:\n  shots: [1]\n")
    assert found(with_shots) == [issue, ("missing-split-file", "tasks.rooms.files.de")]
    assert places(with_shots) == ["mine.yaml:7", "mine.yaml:8"]


def test_shipped_recipes_load(monkeypatch):
    monkeypatch.delenv("XSTILTS_DATA_ROOT", raising=False)  # whose files decide which splits there are
    assert {"smoke", "quickstart"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert load_recipe(name).recipe.name == name


def test_a_shipped_name_that_is_misspelt():
    with pytest.raises(RecipeError) as caught:
        load_recipe("quikstart")
    assert caught.value.issues[0].code == "unknown-recipe"
    assert caught.value.hint == "did you mean 'quickstart'?"


def test_a_recipe_file_that_is_misspelt(tmp_path: Path):
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "recipe.yml")
    assert caught.value.issues[0].code == "missing-file"
    assert str(tmp_path / "recipe.yaml") in caught.value.hint


def test_a_recipe_built_in_python_is_checked_too():
    good = Recipe(name="mine", targets={"intent": Target()}, fewshot=Fewshot())
    assert checked_recipe(good).recipe == good
    with pytest.raises(RecipeError) as caught:
        checked_recipe(Recipe(name="mine", targets={"intnet": Target()}))
    assert [(issue.code, dotted(issue.path)) for issue in caught.value.issues] == [("unknown-task", "targets.intnet")]
    assert "targets.intnet: " in caught.value.message


def test_issues_of_masked_texts_and_alignment_have_their_lines(tmp_path: Path):
    text = """\
name: mine
intermediate:
  none:
  read:
    mlm:
      texts:
        fi: fi.txt
        ru: hub:alone
      masking_rate: 1.5
  aligned:
    align: {task: ui-bitext, languages: [xx], split: test}
  steps: {match_steps_of: read, mlm: {texts: {fi: fi.txt}}}
targets:
  ui-bitext:
"""
    path = write(tmp_path, text)
    assert list(zip(found(path), places(path), strict=True)) == [
        (("missing-file", "intermediate.read.mlm.texts.fi"), "mine.yaml:7"),
        (("invalid-text-source", "intermediate.read.mlm.texts.ru"), "mine.yaml:8"),
        (("out-of-range", "intermediate.read.mlm.masking_rate"), "mine.yaml:9"),
        (("unknown-language", "intermediate.aligned.align.languages"), "mine.yaml:11"),
        (("split-in-use", "intermediate.aligned.align.split"), "mine.yaml:11"),
        (("conflicting-keys", "intermediate.steps"), "mine.yaml:12"),
    ]
