"""Translations in a recipe: stages, pins, files and downloads."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.facts import facts_for
from tests.tiny import build_translator
from tests.unit.planning.world import TASKS, recipe

from xstilts.config.recipe import Intermediate, Recipe
from xstilts.config.training import Translate
from xstilts.encoders import find_card
from xstilts.encoders.pins import UNRESOLVED
from xstilts.errors import SourceError
from xstilts.execution.preview import preview
from xstilts.planning.downloads import missing_downloads, tasks_read
from xstilts.planning.estimate import Processor, estimate_flops
from xstilts.planning.expand import expand
from xstilts.planning.specs import IntermediateStage, TranslateStage
from xstilts.recipe.translation import (
    FETCH_HINT,
    find_translation_file,
    resolve_translators,
    translation_files,
    translator_pins,
    unresolved_translators,
)
from xstilts.store.store import Store

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def translating(**settings: object) -> Recipe:
    arm = Intermediate(tasks=("facts",), translate=Translate.model_validate({"to": ["sw", "de"]} | settings))
    return recipe(intermediate={"none": Intermediate(), "facts": arm}, primary=None)


def test_training_of_every_seed_uses_the_same_translations():
    graph = expand(translating(model="a/b"), TASKS, "1234", translators={"a/b": COMMIT})
    stages = {key: spec for key, spec in graph.stages.items() if isinstance(spec, TranslateStage)}
    assert [spec.title for spec in stages.values()] == ["translate facts en to sw", "translate facts en to de"]
    trained = [spec for spec in graph.stages.values() if isinstance(spec, IntermediateStage)]
    assert len(trained) == 2
    for spec in trained:
        assert spec.inputs == (spec.parent, *stages)
        assert [data.language for data in spec.data] == ["sw", "de"]


def test_arms_without_translations_keep_their_keys():
    plain, same = (
        expand(recipe(intermediate={"a": Intermediate(tasks=("facts",), translate=t)}, primary=None), TASKS, "1234")
        for t in (None, Translate(to=("en",), model="a/b"))
    )
    assert plain.stages.keys() == same.stages.keys()


def test_revisions_have_separate_pins(tmp_path: Path):
    chosen = translating(model="a/b", revision=COMMIT)
    pins = translator_pins(chosen, tmp_path, None, cache=tmp_path)
    assert pins == {f"a/b@{COMMIT}": COMMIT}
    stage = next(
        s for s in expand(chosen, TASKS, "1", translators=pins).stages.values() if isinstance(s, TranslateStage)
    )
    assert (stage.pin, stage.model) == (COMMIT, "a/b")


def test_missing_translation_models_are_listed(tmp_path: Path):
    def missing(chosen: Recipe) -> tuple[str, ...]:
        graph = expand(chosen, TASKS, "1", translators=translator_pins(chosen, tmp_path, None, cache=tmp_path))
        return missing_downloads(chosen, TASKS, graph, cache=tmp_path, root=None)

    assert "hub:a/b" in missing(translating(model="a/b"))
    assert not any("nllb" in name for name in missing(translating(model=str(build_translator(tmp_path / "nllb")))))
    assert "hub:a/b" not in missing(translating(model="a/b", to="en"))


def test_commits_are_resolved_only_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    chosen = translating(model="a/b", revision="new")
    assert translator_pins(chosen, tmp_path, None, cache=tmp_path) == {"a/b@new": UNRESOLVED}
    assert unresolved_translators(chosen, cache=tmp_path) == ("a/b@new",)
    monkeypatch.setattr("xstilts.cache.hub_commits._request_commit", lambda repository, revision, kind: COMMIT)
    resolve_translators(chosen, cache=tmp_path)
    assert translator_pins(chosen, tmp_path, None, cache=tmp_path) == {"a/b@new": COMMIT}
    assert not unresolved_translators(chosen, cache=tmp_path)


def test_an_unreachable_hub_raises_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError) as caught:
        resolve_translators(translating(model="a/b"), cache=tmp_path)
    assert "hub:a/b@main" in caught.value.message and caught.value.hint == FETCH_HINT


def test_only_the_original_language_of_a_task_is_read():
    """The task needs no training data in the languages that it is translated to."""
    graph = expand(translating(model="a/b"), TASKS, "1", translators={"a/b": COMMIT})
    assert {language for name, language in tasks_read(graph) if name == "facts"} == {"en"}


def test_the_cost_of_translation_is_unknown():
    graph = expand(translating(model="a/b"), TASKS, "1", translators={"a/b": COMMIT})
    estimate = estimate_flops(graph, graph.stages, TASKS, find_card("e5-small"), Processor())
    unknown = {kind.kind: (kind.unknown, kind.flops) for kind in estimate.kinds}
    assert unknown["translate"] == (2, None) and unknown["intermediate"] == (2, None)
    assert any("a/b" in reason for reason in estimate.why)


def test_files_are_searched_in_the_recipe_folder_and_the_data_root(tmp_path: Path):
    chosen = translating(files={"facts": "mt/{language}.csv"})
    assert list(translation_files(chosen.intermediate["facts"])) == [("facts", "mt/sw.csv"), ("facts", "mt/de.csv")]
    with pytest.raises(SourceError, match=r"mt/sw\.csv"):
        translator_pins(chosen, tmp_path, None, cache=tmp_path)
    root = tmp_path / "root"
    for path in (tmp_path / "mt" / "sw.csv", root / "text" / "mt" / "de.csv"):
        path.parent.mkdir(parents=True)
        path.write_text(path.name)
    assert find_translation_file("mt/de.csv", tmp_path, root) == root / "text" / "mt" / "de.csv"
    pins = translator_pins(chosen, tmp_path, root, cache=tmp_path)
    assert len(set(pins.values())) == 2
    stages = [s for s in expand(chosen, TASKS, "1", translators=pins).stages.values() if isinstance(s, TranslateStage)]
    assert [(stage.file, stage.pin) for stage in stages] == list(pins.items())


def test_preview_counts_missing_translations(tmp_path: Path):
    plan = preview(expand(translating(model="a/b"), TASKS, "1234", translators={"a/b": COMMIT}), Store(tmp_path))
    assert {kind.kind: kind.misses for kind in plan.kinds}["translate"] == 2


def test_preview_predicts_a_translation_from_another_language(tmp_path: Path):
    graph, store = expand(translating(model="a/b"), TASKS, "1234", translators={"a/b": COMMIT}), Store(tmp_path)
    first = next(spec for spec in graph.stages.values() if isinstance(spec, TranslateStage))
    with store.draft(first) as draft:
        (draft.path / "rows").write_text("")
        draft.facts = facts_for(first)
        draft.seconds = 7.0
    (kind,) = (kind for kind in preview(graph, store).kinds if kind.kind == "translate")
    assert (kind.hits, kind.misses, kind.seconds) == (1, 1, 7.0)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"to": "sw"}, "conflicting-keys"),
        ({"to": "sw", "model": "a/b", "files": {"facts": "f"}}, "conflicting-keys"),
        ({"to": "sw", "files": {"facts": "f"}, "codes": {"sw": "swh_Latn"}}, "conflicting-keys"),
        ({"to": [], "model": "a/b"}, "too_short"),
    ],
)
def test_contradictory_settings_are_refused(settings: dict, code: str):
    with pytest.raises(ValidationError) as caught:
        Translate.model_validate(settings)
    assert [details["type"] for details in caught.value.errors()] == [code]


def test_translating_nothing_is_refused():
    with pytest.raises(ValidationError) as caught:
        Intermediate(translate=Translate(to=("sw",), model="a/b"))
    assert [details["type"] for details in caught.value.errors()] == ["missing-key"]
