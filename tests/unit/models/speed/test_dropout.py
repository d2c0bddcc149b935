"""Quick dropout: the rate, the gradient, and attention that is torch's own where nothing drops out."""

import pytest
import torch
from tests import tiny
from torch import nn
from transformers import AutoModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from xstilts.models.speed.dropout import ATTENTION, Dropout, attend, drop, use_fast_dropout

NOTHING = 1e-6
"""A rate that is rounded to none."""


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_drops_at_the_rate_and_keeps_the_mean(rate):
    torch.manual_seed(0)
    found = drop(torch.ones(400, 500), rate)
    kept = found > 0
    assert kept.float().mean() == pytest.approx(1 - rate, abs=4 * (rate * (1 - rate) / 200_000) ** 0.5)
    assert torch.equal(found[kept].unique(), torch.tensor([1 / (1 - rate)]))


def test_the_gradient_passes_where_a_number_was_kept():
    values = torch.ones(30, 7, requires_grad=True)
    found = drop(values, 0.3)
    found.sum().backward()
    assert torch.equal(values.grad, found.detach())


def test_follows_the_random_state_and_rests_in_evaluation():
    values, module = torch.randn(5, 3, 11), Dropout(0.4)
    torch.manual_seed(1)
    first = module(values)
    torch.manual_seed(1)
    assert torch.equal(module(values), first)
    assert not torch.equal(module(values), first)
    assert module.eval()(values) is values


@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_torchs_own(masked):
    query, key, value = torch.randn(3, 2, 4, 9, 8).unbind()
    mask = torch.ones(2, 1, 1, 9, dtype=torch.bool)
    mask[1, ..., 6:] = False
    module, given = nn.Module(), mask if masked else None
    module.is_causal = False
    ours, _ = attend(module, query, key, value, given, NOTHING)
    theirs, _ = sdpa_attention_forward(module, query, key, value, given)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_quick_model_computes_as_before_in_evaluation(kind, tmp_path):
    model = AutoModel.from_pretrained(tiny.build(kind, tmp_path))
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    inputs = {"input_ids": ids, "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])}
    with torch.inference_mode():
        before = model(**inputs).last_hidden_state
        use_fast_dropout(model)
        assert torch.equal(model(**inputs).last_hidden_state, before)
    assert not any(type(module) is nn.Dropout for module in model.modules())
    assert (model.config._attn_implementation == ATTENTION) == (kind in ("bert", "xlm-roberta"))
