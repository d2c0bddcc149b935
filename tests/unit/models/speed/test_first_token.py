"""A top layer that gives the first token alone gives what the whole layer gives there, and learns the same."""

import copy

import pytest
import torch
from tests import tiny
from torch import nn

from xstilts.models.heads import load_for
from xstilts.models.speed.first_token import FirstToken, use_first_token
from xstilts.models.split import layers, truncate

LABELS = ("a", "b", "c")


@pytest.fixture(params=["bert", "xlm-roberta"])
def model(request, tmp_path):
    return load_for("classification", tiny.build(request.param, tmp_path), labels=LABELS, seed=0)


def batch():
    ids = torch.tensor([[0, 5, 6, 7, 2], [0, 7, 2, 1, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([2, 0])}


def gradients(model, given):
    model.zero_grad()
    model(**given).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_logits_and_gradients_are_those_of_the_whole_model(model):
    part = use_first_token(model, "classification")
    assert isinstance(layers(part)[-1], FirstToken) and not isinstance(layers(model)[-1], FirstToken)
    torch.testing.assert_close(part(**batch()).logits, model(**batch()).logits)
    ours, whole = gradients(part, batch()), gradients(model, batch())
    assert ours.keys() == whole.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6)


def test_only_one_token_goes_through_the_top_layer(model):
    seen = []
    part = use_first_token(truncate(model, 1), "classification")
    layers(part)[-1].intermediate.register_forward_hook(lambda _, given, out: seen.append(out.shape[1]))
    part(inputs_embeds=torch.randn(2, 5, 32), attention_mask=batch()["attention_mask"])
    assert seen == [1]


def test_what_reads_more_than_the_first_token_is_left_as_it_is(model, tmp_path):
    assert use_first_token(model, "tagging") is model
    bare = copy.copy(truncate(model, 2))
    assert use_first_token(bare, "classification") is bare
    other = load_for("classification", tiny.build("modernbert", tmp_path / "other"), labels=LABELS, seed=0)
    assert use_first_token(other, "classification") is other
    assert isinstance(layers(other), nn.ModuleList)
