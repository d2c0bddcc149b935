"""Layers with a way back of their own give what torch's give, and the same gradients, dropout included."""

from contextlib import nullcontext

import pytest
import torch
from tests import tiny

from xstilts.methods.method import Adapters
from xstilts.models.heads import load_for
from xstilts.models.speed.layer import Layer, use_fused_backward
from xstilts.models.split import layers, truncate
from xstilts.models.tuning import adapters, set_dropout, trained_parameters

LABELS = ("a", "b", "c")


@pytest.fixture(params=["bert", "xlm-roberta"])
def model(request, tmp_path):
    model = load_for("classification", tiny.build(request.param, tmp_path), labels=LABELS, seed=0).train()
    set_dropout(model, 0.1)
    return model


def batch(padded=True):
    ids = torch.tensor([[0, 5, 6, 7, 2], [0, 7, 2, 1, 1] if padded else [0, 7, 8, 9, 2]])
    return {"input_ids": ids, "attention_mask": (ids != 1).long(), "labels": torch.tensor([2, 0])}


def outcome(model, given, precision="fp32"):
    """The loss, and the gradients by name."""
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext():
        torch.manual_seed(3)
        loss = model(**given).loss
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("padded", [True, False])
def test_loss_and_gradients_are_torchs_with_the_same_dropout(model, rate, padded):
    set_dropout(model, rate)
    own = use_fused_backward(model, "cpu")
    assert all(isinstance(layer, Layer) for layer in layers(own))
    (loss, gradients), (theirs, expected) = outcome(own, batch(padded)), outcome(model, batch(padded))
    torch.testing.assert_close(loss, theirs)
    assert gradients.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")


def test_a_text_of_which_nothing_is_seen_teaches_queries_and_keys_nothing(model):
    given = batch()
    given["attention_mask"][1] = 0
    found, expected = (outcome(one, given)[1] for one in (use_fused_backward(model, "cpu"), model))
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")


def test_a_layer_that_is_called_twice_learns_from_both_calls(model):
    own = use_fused_backward(model, "cpu")
    states = torch.randn(2, 5, 32, requires_grad=True)

    def run(layer):
        model.zero_grad()
        torch.manual_seed(1)
        (layer(states).square().sum() + layer(states * 2).transpose(0, 1)[1:].sum()).backward()
        return [states.grad, *(p.grad for p in layer.parameters())]

    expected = [gradient.clone() for gradient in run(layers(model)[0])]
    states.grad = None
    torch.testing.assert_close(run(layers(own)[0]), expected, rtol=1e-4, atol=1e-4)


def test_weights_of_other_precision_are_left_to_torch(model):
    own = use_fused_backward(model.double(), "cpu")
    (loss, gradients), (theirs, expected) = outcome(own, batch()), outcome(model, batch())
    assert loss.dtype == torch.float64
    torch.testing.assert_close(loss, theirs, rtol=0, atol=0)
    assert gradients.keys() == expected.keys() == trained_parameters(model).keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=0, atol=0, msg=lambda m, n=name: f"{n}: {m}")


def test_in_bf16_gradients_are_as_near_to_those_of_fp32_as_torchs(model):
    own = use_fused_backward(model, "cpu")
    exact = outcome(model, batch())[1]
    ours, theirs = (outcome(one, batch(), "bf16")[1] for one in (own, model))

    def error(found):
        return sum((found[name] - gradient).square().sum() for name, gradient in exact.items()).sqrt()

    assert all(gradient.dtype == torch.float32 for gradient in ours.values())
    assert 0 < error(ours) < 1.5 * error(theirs)


def test_activations_in_bf16_are_read_from_below(model):
    part = use_fused_backward(truncate(model, 1), "cpu")
    given = {"inputs_embeds": torch.randn(2, 5, 32).bfloat16(), "attention_mask": torch.ones(2, 5, dtype=torch.long)}
    loss, gradients = outcome(part, given | {"labels": torch.tensor([2, 0])}, "bf16")
    assert loss.isfinite() and all(gradient.isfinite().all() for gradient in gradients.values())
    assert any(".layer.0." in name for name in gradients)


def test_less_is_kept_for_the_way_back(model):
    def kept(one):
        sizes = {}

        def pack(tensor):
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), torch.autocast("cpu"):
            torch.manual_seed(0)
            loss = one(**{key: value.repeat(64, *[1] * (value.dim() - 1)) for key, value in batch().items()}).loss
        return sum(sizes.values()), loss

    (ours, _), (theirs, _) = kept(use_fused_backward(model, "cpu")), kept(model)
    assert ours < 0.8 * theirs


def test_where_something_else_stands_in_the_layer_it_runs_as_torch_does(model):
    own = use_fused_backward(model, "cpu")
    plain = outcome(own, batch())[0]
    with adapters(model, Adapters(rank=2, alpha=16), seed=0, merge=False):
        loss, gradients = outcome(own, batch())
    torch.testing.assert_close(loss, plain)  # adapters begin at zero
    assert any("lora_A" in name for name in gradients)
    layers(model)[0].attention.self.key.weight.requires_grad_(False)
    assert outcome(own, batch())[1].keys() == trained_parameters(own).keys()


def test_scoring_is_left_to_torch(model):
    own = use_fused_backward(model, "cpu").eval()
    with torch.no_grad():
        torch.testing.assert_close(own(**batch()).logits, model.eval()(**batch()).logits, rtol=0, atol=0)


def test_what_is_not_known_or_not_on_a_processor_is_left_as_it_is(model, tmp_path):
    assert use_fused_backward(model, "cuda") is model
    other = load_for("classification", tiny.build("modernbert", tmp_path / "other"), labels=LABELS, seed=0)
    set_dropout(other, 0.1)
    assert use_fused_backward(other, "cpu") is other
