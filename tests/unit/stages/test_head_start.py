"""A new head starts as the closed-form solution where it is a linear layer over classes."""

from pathlib import Path

import pytest
import torch
from tests.tiny import build

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.problems import Labelled, Tagged
from xstilts.stages.head_start import start_head
from xstilts.stages.training import TrainableModel, make_trainable

COLOURS = ["red", "blue", "green"] * 6
LABELS = ("red", "blue", "green")
TRAIN = Train(precision="fp32", frozen_layers=1, max_length=32)


def trainable(folder: Path, problem, head) -> tuple[TrainableModel, list]:
    tokenizer = load_tokenizer(folder)
    model = load_with_head(problem, folder, labels=LABELS, seed=0, head=head)
    if problem == "tagging":
        examples = [Tagged(id=str(n), group="", language="en", words=(c,), tags=(c,)) for n, c in enumerate(COLOURS)]
    else:
        examples = [
            Labelled(id=str(n), group="", language="en", text=f"one {c} two", label=c) for n, c in enumerate(COLOURS)
        ]
    features = featurise(problem, examples, tokenizer, LABELS, 32)
    return make_trainable(model, problem, tokenizer, TRAIN, "cpu", None), features


@pytest.mark.parametrize("problem", ["classification", "tagging"])
def test_the_loss_is_low_before_the_first_step(tmp_path, problem):
    model, features = trainable(build("xlm-roberta", tmp_path), problem, "pooled")
    inputs = model.inputs(features)
    batch = inputs.batch(range(len(features)), labels=True)
    model.trained_part.eval()
    with torch.no_grad():
        before = model.trained_part(**batch).loss
        assert start_head(model, inputs, TRAIN) == "closed-form"
        assert model.trained_part.eval()(**batch).loss < 0.2 * before


@pytest.mark.parametrize(("head", "settings"), [("native", {}), ("pooled", {"head_start": "random"})])
def test_other_heads_stay_random(tmp_path, head, settings):
    model, features = trainable(build("bert", tmp_path), "classification", head)
    weights = {name: parameter.clone() for name, parameter in model.model.named_parameters()}
    assert start_head(model, model.inputs(features), TRAIN.model_copy(update=settings)) == "random"
    assert all(torch.equal(parameter, weights[name]) for name, parameter in model.model.named_parameters())


def test_the_learning_rate_of_the_head_follows_its_start():
    assert Train(learning_rate=2e-5).started("closed-form").head_learning_rate == pytest.approx(2e-4)
    assert Train().started("random").head_learning_rate == 1e-3
    assert Train(head_learning_rate=None).started("closed-form").head_learning_rate is None
    assert Train(head_learning_rate=0.5).started("closed-form").head_learning_rate == 0.5
