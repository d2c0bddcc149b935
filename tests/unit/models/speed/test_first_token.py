"""The first-token layer has the outputs and gradients of the full layer."""

import copy

import pytest
import torch
from tests import tiny
from torch import nn

from xstilts.models.heads import load_with_head
from xstilts.models.speed.first_token import FirstTokenLayer, use_first_token
from xstilts.models.split import layers, truncate

LABELS = ("a", "b", "c")


@pytest.fixture(params=["bert", "xlm-roberta"])
def model(request, tmp_path):
    return load_with_head("classification", tiny.build(request.param, tmp_path), labels=LABELS, seed=0)


def batch():
    ids = torch.tensor([[0, 5, 6, 7, 2], [0, 7, 2, 1, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([2, 0])}


def gradients(model, inputs):
    model.zero_grad()
    model(**inputs).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_logits_and_gradients_equal_the_full_model(model):
    reduced = use_first_token(model, "classification")
    assert isinstance(layers(reduced)[-1], FirstTokenLayer) and not isinstance(layers(model)[-1], FirstTokenLayer)
    torch.testing.assert_close(reduced(**batch()).logits, model(**batch()).logits)
    actual, expected = gradients(reduced, batch()), gradients(model, batch())
    assert actual.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(actual[name], gradient, rtol=1e-4, atol=1e-6)


def test_top_layer_computes_one_token(model):
    lengths = []
    reduced = use_first_token(truncate(model, 1), "classification")
    layers(reduced)[-1].intermediate.register_forward_hook(lambda _, inputs, out: lengths.append(out.shape[1]))
    reduced(inputs_embeds=torch.randn(2, 5, 32), attention_mask=batch()["attention_mask"])
    assert lengths == [1]


def test_other_problems_and_architectures_are_unchanged(model, tmp_path):
    assert use_first_token(model, "tagging") is model
    bare = copy.copy(truncate(model, 2))
    assert use_first_token(bare, "classification") is bare
    other = load_with_head("classification", tiny.build("modernbert", tmp_path / "other"), labels=LABELS, seed=0)
    assert use_first_token(other, "classification") is other
    assert isinstance(layers(other), nn.ModuleList)
