"""Very large or odd recipes end in a message."""

from pathlib import Path

import pytest

from xstilts.errors import RecipeError
from xstilts.recipe.load import load_recipe
from xstilts.recipe.validate import estimated_stages

GOOD = "name: mine\ntargets: {intent: {languages: [de, fi]}}\nfewshot: {shots: [4]}\n"


def codes(folder: Path, text: str, *overrides: str) -> set[str]:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    assert len(str(caught.value)) < 60_000
    return {issue.code for issue in caught.value.issues}


@pytest.mark.parametrize(
    ("override", "code"),
    [
        ("fewshot.draws=10000000", "too-large"),
        ("fewshot.draws=9000000000000000000", "too-large"),
        (f"seeds=[{','.join('a' * 40_000)}]", "too-large"),
        (f"seeds={'[' * 10_000}", "invalid-override"),
        (f"{'a.' * 10_000}b=1", "invalid-override"),
        (f"{'targets.' * 10_000}=1", "invalid-override"),
        ("targets.intent.languages.0=de", "invalid-override"),
        ("seeds[0]=1", "unknown-key"),
        ("<<=1", "unknown-key"),
        ("nul\0=1", "invalid-override"),
        ("a" * 100_000 + "=1", "unknown-key"),
        ("\ud800=1", "invalid-override"),
        ("seeds=\ud800", "invalid-override"),
        ('seeds="\\ud800"', "invalid-override"),
        ('targets={"\\ud800": }', "invalid-override"),
        ("=1", "invalid-override"),
        ("..=1", "invalid-override"),
        ("seeds", "invalid-override"),
        ("fewshot.draws=1e999", "invalid-override"),
        ("fewshot.draws=" + "1" * 5000, "invalid-override"),
    ],
)
def test_an_override(tmp_path: Path, override: str, code: str):
    assert code in codes(tmp_path, GOOD, override)


def test_very_many_seeds(tmp_path: Path):
    seeds = f"seeds=[{','.join(map(str, range(9_000)))}]"
    assert codes(tmp_path, GOOD, seeds, "fewshot.draws=1000") == {"too-large"}


def test_very_many_unknown_keys(tmp_path: Path):
    keys = "".join(f"key{number}: {number}\n" for number in range(20_000))
    assert {"unknown-key", "too-large"} <= codes(tmp_path, GOOD + keys)


def test_very_many_invalid_values_in_a_block(tmp_path: Path):
    arms = ", ".join(f"arm{number}: {{sampling: {number}}}" for number in range(3_000))
    assert {"wrong-type", "too-large"} <= codes(tmp_path, f"{GOOD}intermediate: {{{arms}}}\n")


def test_the_estimate_is_close_to_the_graph(tmp_path: Path):
    from xstilts.experiment import open_experiment

    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + "seeds: [0, 1]\nintermediate: {none: , english: {tasks: [paraphrase]}}\n")
    experiment = open_experiment(path, store=tmp_path)
    estimate = estimated_stages(experiment.recipe, experiment.loaded.tasks)
    assert 0.8 < estimate / len(experiment.graph.stages) < 1.25
