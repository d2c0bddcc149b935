"""A new head starts as the closed-form solution where it is a linear layer over classes."""

from pathlib import Path

import pytest
import torch
from tests.tiny import build

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.problems import Choice, Labelled, MultiLabelled, Tagged
from xstilts.stages.head_start import refit_head, start_head
from xstilts.stages.training import TrainableModel, make_trainable

COLOURS = ["red", "blue", "green"] * 6
LABELS = ("red", "blue", "green")
CHOICES = [("red", "blue", "green"), ("blue", "green", "red"), ("green", "red", "blue")]
"""Of every third item; the right one is always `red`."""
TRAIN = Train(precision="fp32", frozen_layers=1, max_length=32)


def trainable(folder: Path, problem, head) -> tuple[TrainableModel, list, list]:
    tokenizer = load_tokenizer(folder)
    labels = None if problem == "choice" else LABELS
    model = load_with_head(problem, folder, labels=labels, seed=0, head=head)
    numbered = list(enumerate(COLOURS))
    examples = {
        "classification": [
            Labelled(id=str(n), group="", language="en", text=f"one {c} two", label=c) for n, c in numbered
        ],
        "tagging": [Tagged(id=str(n), group="", language="en", words=(c,), tags=(c,)) for n, c in numbered],
        "multi-label": [
            MultiLabelled(id=str(n), group="", language="en", text=f"one {c} two", labels=(c,)) for n, c in numbered
        ],
        "choice": [
            Choice(id=str(n), group="", language="en", prompt=f"say {n}", choices=CHOICES[n % 3], answer=-n % 3)
            for n, _ in numbered
        ],
    }[problem]
    features = featurise(problem, examples, tokenizer, labels, 32)
    return make_trainable(model, problem, tokenizer, TRAIN, "cpu", None), features, examples


@pytest.mark.parametrize("problem", ["classification", "tagging", "multi-label"])
def test_the_loss_is_low_before_the_first_step(tmp_path, problem):
    model, features, _ = trainable(build("xlm-roberta", tmp_path), problem, "pooled")
    inputs = model.inputs(features)
    batch = inputs.batch(range(len(features)), labels=True)
    model.trained_part.eval()
    with torch.no_grad():
        before = model.trained_part(**batch).loss
        assert start_head(model, inputs, TRAIN) == "closed-form"
        assert model.trained_part.eval()(**batch).loss < 0.2 * before


@pytest.mark.parametrize("problem", ["classification", "tagging", "choice"])
def test_a_solved_head_has_a_low_loss(tmp_path, problem):
    model, features, examples = trainable(build("xlm-roberta", tmp_path), problem, "pooled")
    inputs = model.inputs(features)
    batch = inputs.batch(range(len(features)), labels=True)
    model.trained_part.eval()
    with torch.no_grad():
        before = model.trained_part(**batch).loss
        assert refit_head(model, inputs, examples)
        assert model.trained_part.eval()(**batch).loss < 0.2 * before


@pytest.mark.parametrize(
    ("problem", "head", "settings"),
    [
        ("classification", "native", {}),
        ("classification", "pooled", {"head_start": "random"}),
        ("choice", "pooled", {}),
    ],
)
def test_other_heads_stay_random(tmp_path, problem, head, settings):
    model, features, _ = trainable(build("bert", tmp_path), problem, head)
    weights = {name: parameter.clone() for name, parameter in model.model.named_parameters()}
    assert start_head(model, model.inputs(features), TRAIN.model_copy(update=settings)) == "random"
    assert all(torch.equal(parameter, weights[name]) for name, parameter in model.model.named_parameters())


def test_the_learning_rate_of_the_head_follows_its_start():
    assert Train(learning_rate=2e-5).started("closed-form").head_learning_rate == pytest.approx(2e-4)
    assert Train().started("random").head_learning_rate == 1e-3
    assert Train(head_learning_rate=None).started("closed-form").head_learning_rate is None
    assert Train(head_learning_rate=0.5).started("closed-form").head_learning_rate == 0.5
