"""Fast dropout: rate, gradient, and attention equal to torch's without dropout."""

import pytest
import torch
from tests import tiny
from torch import nn
from transformers import AutoModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from xstilts.models.speed.dropout import ATTENTION, Dropout, attention_with_dropout, drop, use_fast_dropout

NOTHING = 1e-6
"""A rate that is rounded to none."""


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_drop_rate_and_mean(rate):
    torch.manual_seed(0)
    output = drop(torch.ones(400, 500), rate)
    is_kept = output > 0
    assert is_kept.float().mean() == pytest.approx(1 - rate, abs=4 * (rate * (1 - rate) / 200_000) ** 0.5)
    assert torch.equal(output[is_kept].unique(), torch.tensor([1 / (1 - rate)]))


def test_gradient_of_dropout():
    values = torch.ones(30, 7, requires_grad=True)
    output = drop(values, 0.3)
    output.sum().backward()
    assert torch.equal(values.grad, output.detach())


def test_dropout_uses_the_random_state_and_is_off_in_evaluation():
    values, module = torch.randn(5, 3, 11), Dropout(0.4)
    torch.manual_seed(1)
    first = module(values)
    torch.manual_seed(1)
    assert torch.equal(module(values), first)
    assert not torch.equal(module(values), first)
    assert module.eval()(values) is values


@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_torch(masked):
    query, key, value = torch.randn(3, 2, 4, 9, 8).unbind()
    mask = torch.ones(2, 1, 1, 9, dtype=torch.bool)
    mask[1, ..., 6:] = False
    module, optional_mask = nn.Module(), mask if masked else None
    module.is_causal = False
    actual, _ = attention_with_dropout(module, query, key, value, optional_mask, NOTHING)
    expected, _ = sdpa_attention_forward(module, query, key, value, optional_mask)
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_fast_dropout_does_not_change_evaluation(kind, tmp_path):
    model = AutoModel.from_pretrained(tiny.build(kind, tmp_path))
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    inputs = {"input_ids": ids, "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])}
    with torch.inference_mode():
        before = model(**inputs).last_hidden_state
        use_fast_dropout(model)
        assert torch.equal(model(**inputs).last_hidden_state, before)
    assert not any(type(module) is nn.Dropout for module in model.modules())
    assert (model.config._attn_implementation == ATTENTION) == (kind in ("bert", "xlm-roberta"))
