"""Closed-form last layers of image-text models, fused and dual: `lda`, and `refit` of the target."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests import tiny_dual
from tests.pictures import write_recipe

from xstilts.data.features import featurise
from xstilts.experiment import Experiment, open_experiment
from xstilts.models.inputs import ModelInputs, required_padding
from xstilts.planning.specs import EvaluateStage, FewshotStage, TargetStage
from xstilts.stages.artifacts import LoadedModel, load_model
from xstilts.stages.job import run_job
from xstilts.stages.job_context import JobContext
from xstilts.stages.training import image_lookup
from xstilts.store.facts import FewshotFacts, TargetFacts
from xstilts.train.predict import predict

SETTINGS = """\
keep_fewshot_weights: true
intermediate: {none: }
targets:
  colour-match:
    train: {steps: 4, batch_size: 8, precision: fp32, max_length: 32, evaluations: 1, refit: true}
fewshot:
  shots: [2]
  draws: 1
  methods: [{method: lda, shrinkage: 0.5, shots_weight: 1, language_offset: false}]
  train: {steps: 2, precision: fp32, max_length: 32}
"""


@pytest.fixture(scope="module", params=["fused", "clip"])
def ran(request, tmp_path_factory) -> Iterator[Experiment]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    text = write_recipe(folder).read_text(encoding="utf-8")
    start, _, rest = text.partition("tasks:\n")
    if request.param == "clip":
        start = f"name: clip\nencoder: {tiny_dual.build('clip', folder / 'clip')}\nseeds: [0]\n"
    recipe = folder / "heads.yaml"
    tasks = rest.partition("  colour-find:\n")[0]
    recipe.write_text(f"{start}tasks:\n{tasks}{SETTINGS}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XSTILTS_CACHE", str(folder / "cache"))
        experiment = open_experiment(recipe, store=folder / "store", offline=True)
        failures: list[str] = []
        for spec in experiment.graph.stages.values():
            run_job([spec], experiment.environment, lambda event: failures.append(event.message))
        assert not any(failures), failures
        yield experiment


def stages(ran: Experiment, kind: type) -> list:
    return [spec for spec in ran.graph.stages.values() if isinstance(spec, kind)]


def predictions(ran: Experiment, key: str) -> list[str]:
    items = pl.read_parquet(ran.store.path(key) / "items.parquet").sort("item")
    return [json.loads(value) for value in items["predicted"]]


def inputs_of(loaded: LoadedModel, context: JobContext, examples) -> ModelInputs:
    return ModelInputs(
        problem="image-text",
        features=featurise("image-text", examples, loaded.tokenizer, loaded.labels, loaded.max_length),
        pad_id=loaded.tokenizer.pad_token_id,  # type: ignore[arg-type]
        precision="fp32",
        padding_style=required_padding(loaded.model, loaded.tokenizer),
        image_lookup=image_lookup(context.image_features),
    )


def test_the_frozen_encoder_is_not_scored(ran):
    assert {cell.method for cell in ran.graph.cells} == {"zero-shot", "lda", "majority"}


def test_a_refitted_target_and_lda_differ_in_the_last_layer_only(ran):
    (target,) = stages(ran, TargetStage)
    facts = ran.store.manifest(target.key).facts
    assert isinstance(facts, TargetFacts) and facts.training.refit
    defaults = [spec for spec in stages(ran, FewshotStage) if not spec.shots]
    assert {spec.evaluation.language for spec in defaults} == {"en", "sw"}
    heads = [load_model(ran.store, key, ran.environment).model for key in (target.key, defaults[0].key)]
    for name, parameter in heads[0].named_parameters():
        same = torch.equal(parameter, dict(heads[1].named_parameters())[name])
        assert same == (not name.startswith("head.out.")), name


@pytest.mark.parametrize("shots", [0, 2])
def test_the_last_layer_matches_scikit_learn_on_its_inputs(ran, shots):
    spec = next(x for x in stages(ran, FewshotStage) if x.shots == shots and x.evaluation.language == "sw")
    loaded = load_model(ran.store, spec.key, ran.environment)
    context = JobContext(environment=ran.environment, store=ran.store, activation_cache=None, parent=spec.key)  # type: ignore[arg-type]
    drawn = json.loads((ran.store.path(spec.key) / "shots.json").read_text())
    pool = {example.id: example for example in context.examples(spec.evaluation, "train")}
    training = [*context.examples(spec.data, "train"), *(pool[name] for name in drawn)]
    scored = sorted(context.examples(spec.evaluation, "test"), key=lambda example: example.id)
    states: list[torch.Tensor] = []
    hook = loaded.model.get_submodule("head.out").register_forward_pre_hook(lambda _, args: states.append(args[0]))
    labels = [example.target for example in training]
    for examples in (training, scored):
        batch = inputs_of(loaded, context, examples).batch(range(len(examples)), labels=False)
        with torch.no_grad():
            loaded.model(**batch)
    hook.remove()
    reference = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5))
    vectors, others = (tensor.double().numpy() for tensor in states)
    expected = reference.fit(vectors, labels).predict_proba(others)
    logits = loaded.model.get_submodule("head.out")(states[1]).detach()
    np.testing.assert_allclose(logits.softmax(-1), expected, atol=1e-3)
    predicted = predict(loaded.model, inputs_of(loaded, context, scored), scored, loaded.labels)
    assert predicted == predictions(ran, spec.key)


def test_images_of_other_items_are_read_by_the_closed_form_head(ran):
    facts = [ran.store.manifest(spec.key).facts for spec in stages(ran, FewshotStage)]
    assert all(isinstance(f, FewshotFacts) and f.controls is not None for f in facts)
    assert {f.training.steps for f in facts} == {0}


def test_zero_shot_scores_of_the_target_use_the_refitted_head(ran):
    (target,) = stages(ran, TargetStage)
    (spec,) = [x for x in stages(ran, EvaluateStage) if x.data.language == "sw"]
    loaded = load_model(ran.store, target.key, ran.environment)
    context = JobContext(environment=ran.environment, store=ran.store, activation_cache=None, parent=spec.parent)  # type: ignore[arg-type]
    scored = sorted(context.examples(spec.data, "test"), key=lambda example: example.id)
    predicted = predict(loaded.model, inputs_of(loaded, context, scored), scored, loaded.labels)
    assert predicted == predictions(ran, spec.key)
