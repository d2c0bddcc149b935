"""Texts about pictures, from files to the report: what is broken is named and left out, and stops nothing."""

from pathlib import Path

import pytest
from tests.pictures import BROKEN, write_recipe

from xstilts.api import results as results_api
from xstilts.api import runs as api
from xstilts.experiment import open_experiment
from xstilts.store.store import Store


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("pictures")
    recipe = write_recipe(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XSTILTS_CACHE", str(folder / "cache"))
        api.run(recipe, store=folder / "store", workers=1, offline=True, show=True)
        yield open_experiment(recipe, store=folder / "store", offline=True), Store(folder / "store"), recipe


def _facts(ran, kind: str, task: str, **fields: object) -> list[dict]:
    experiment, store, _ = ran
    found = []
    for spec in experiment.graph.stages.values():
        data = getattr(spec, "evaluation", getattr(spec, "data", None))
        if spec.kind == kind and data.task == task and all(getattr(spec, k) == v for k, v in fields.items()):
            found.append(store.manifest(spec.key).facts)
    return found


def test_every_stage_has_run(ran):
    experiment, store, _ = ran
    assert all(store.manifest(key) is not None for key in experiment.graph.stages)
    assert {cell.task for cell in experiment.graph.cells} == {"colour-match", "colour-find"}


def test_broken_pictures_are_named_and_their_items_left_out(ran):
    named = {}
    for kind in ("target", "evaluate"):
        for facts in _facts(ran, kind, "colour-match"):
            named |= facts.unusable.images
    assert {Path(reference).name for reference in named} <= set(BROKEN)
    assert named  # the groups of the broken ones fall into splits that are read
    both = [*_facts(ran, "target", "colour-match"), *_facts(ran, "evaluate", "colour-match")]
    assert all(facts.unusable.items == len(facts.unusable.images) for facts in both)  # each shows one image
    for reference, why in named.items():
        assert Path(reference).name in why
    experiment, store, _ = ran
    for spec in experiment.graph.stages.values():
        if spec.kind == "evaluate" and spec.data.task == "colour-match":
            assert not set(store.manifest(spec.key).facts.unusable.images) & _scored_images(ran, spec.key)


def _scored_images(ran, key: str) -> set[str]:
    import polars as pl

    _, store, recipe = ran
    items = set(pl.read_parquet(store.path(key) / "items.parquet")["item"])
    rows = (recipe.parent / "match-en.csv").read_text().splitlines()[1:]
    return {f"file:{recipe.parent / row.split(',')[3]}" for row in rows if row.split(",")[0] in items}


def test_scores_stand_beside_what_images_are_worth(ran):
    for facts in (
        *_facts(ran, "evaluate", "colour-match", modality=None),
        *_facts(ran, "fewshot", "colour-match", modality=None),
    ):
        assert all(0 <= value <= 1 for value in (facts.controls.shuffled_images, facts.controls.label_prior))
    for facts in _facts(ran, "fewshot", "colour-match"):
        assert sum(part.items for _, part in facts.texts_of_shots if part) == facts.scores.items
    hidden = [
        *_facts(ran, "evaluate", "colour-match", modality="text"),
        *_facts(ran, "evaluate", "colour-match", modality="images"),
    ]
    assert hidden and not any(facts.controls for facts in hidden)


def test_images_make_no_difference_to_the_blind(ran):
    import polars as pl

    experiment, store, _ = ran
    for spec in experiment.graph.stages.values():
        if spec.kind == "evaluate" and spec.modality == "images" and spec.data.language == "sw":
            other = next(
                one
                for one in experiment.graph.stages.values()
                if one.kind == "evaluate" and one.modality == "images" and one.data.language == "en"
            )
            mine, theirs = (pl.read_parquet(store.path(s.key) / "items.parquet") for s in (spec, other))
            assert mine.sort("item")["predicted"].equals(theirs.sort("item")["predicted"])


def test_the_projection_of_images_is_handed_on_but_not_by_tasks_of_text(ran):
    from xstilts.stages.artifacts import changed_tensors

    experiment, store, _ = ran
    stage = next(spec for spec in experiment.graph.stages.values() if spec.kind == "intermediate")
    handed = changed_tensors(store, stage.key)
    assert any(name.startswith("image.") for name in handed)
    facts = store.manifest(stage.key).facts
    assert set(facts.steps_by_task) == {"topic", "colour-find"}
    assert facts.encoder.image_input.model_dump() == {"channels": 16, "tokens": 4, "layer": 1}


def test_the_report_and_results_tell_of_both_tasks(ran):
    _, store, recipe = ran
    page = (store.root / "reports" / "colours.html").read_text(encoding="utf-8")
    assert "colour-match" in page and "colour-find" in page
    names = set(results_api.load_results(recipe, store=store.root)["task"])
    assert names == {"colour-match", "colour-find"}


def test_an_encoder_of_texts_is_refused_before_anything_runs(ran, tmp_path):
    from xstilts.errors import RecipeError

    _, _, recipe = ran
    text = recipe.read_text(encoding="utf-8")
    other = recipe.with_name("texts.yaml")
    other.write_text(text.replace(text.splitlines()[1], "encoder: e5-small"), encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        open_experiment(other, store=tmp_path / "store", offline=True)
    assert {issue.code for issue in caught.value.issues} == {"images-not-supported"}


def test_features_that_somebody_computed_give_the_same_scores(ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import polars as pl
    from safetensors.torch import save_file

    from xstilts.data.images import ImageLocations
    from xstilts.models.multimodal.image_features import ImageFeatureCache

    experiment, store, recipe = ran
    folder = recipe.parent
    references = [f"file:{path}" for path in sorted((folder / "pictures").glob("*.png"))]
    image_features = ImageFeatureCache(
        str(folder / "vision"), "pin", size=32, grid=2, locations=ImageLocations(cache=tmp_path, offline=True)
    )
    broken = image_features.missing(references)
    save_file(
        {name: image_features.tensor([name])[0] for name in references if name not in broken}, folder / "f.safetensors"
    )
    text = recipe.read_text(encoding="utf-8").replace(f"+{folder / 'vision'}", f"+{folder / 'f.safetensors'}")
    given = recipe.with_name("given.yaml")
    given.write_text(text.replace("name: colours", "name: given"), encoding="utf-8")
    monkeypatch.setenv("XSTILTS_CACHE", str(folder / "cache"))
    changes = ("targets.colour-match.intermediates=[none]", "targets.colour-find.intermediates=[none]", "fewshot=null")
    api.run(given, store=tmp_path / "store", workers=1, offline=True, overrides=changes)
    other, theirs = (
        open_experiment(given, store=tmp_path / "store", overrides=changes, offline=True),
        Store(tmp_path / "store"),
    )
    mine = {
        (c.task, c.language, c.method): c.artifact
        for c in experiment.graph.cells
        if (c.intermediate, c.shots) == ("none", 0)
    }
    assert {(cell.task, cell.language, cell.method) for cell in other.graph.cells} <= mine.keys()
    for cell in other.graph.cells:
        key = mine[cell.task, cell.language, cell.method]
        assert key != cell.artifact
        one, two = (pl.read_parquet(path / "items.parquet") for path in (store.path(key), theirs.path(cell.artifact)))
        assert one.equals(two)
        unusable = theirs.manifest(cell.artifact).facts.unusable.images
        assert unusable.keys() == store.manifest(key).facts.unusable.images.keys()
        assert all(reference in reason for reference, reason in unusable.items())


def test_a_file_of_features_that_is_not_there_is_told_before_anything_runs(ran, tmp_path: Path):
    from xstilts.errors import RecipeError

    _, _, recipe = ran
    text = recipe.read_text(encoding="utf-8")
    other = recipe.with_name("nothing.yaml")
    other.write_text(text.replace(f"+{recipe.parent / 'vision'}", "+nothing.npy"), encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        open_experiment(other, store=tmp_path / "store", offline=True)
    (issue,) = caught.value.issues
    assert (issue.code, issue.path) == ("unknown-encoder", ("encoder",))
    assert "nothing.npy" in issue.message
