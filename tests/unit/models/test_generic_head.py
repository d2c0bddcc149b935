"""The generic head equals the heads of transformers, and uses the last token of a causal encoder."""

import pytest
import torch
from tests.tiny import SENTENCES, build
from torch import nn

from xstilts.models.generic_head import GenericHeadModel, linear_model, num_outputs
from xstilts.models.heads import head_parameters, load_backbone, load_tokenizer, load_with_head
from xstilts.models.pooling import last_state, pool
from xstilts.problems import PROBLEMS

LABELS = ("a", "b", "c")
SOURCES = {
    "classification": {"dense": "bert.pooler.dense", "classifier": "classifier"},
    "choice": {"dense": "bert.pooler.dense", "classifier": "classifier"},
    "tagging": {"classifier": "classifier"},
    "span": {"classifier": "qa_outputs"},
}


def batch(tokenizer, problem):
    encoded = tokenizer(list(SENTENCES[:4]), padding=True, padding_side="right", return_tensors="pt")
    shape = (2, 2, -1) if problem == "choice" else (4, -1)
    inputs = {name: tensor.view(shape) for name, tensor in encoded.items()}
    match problem:
        case "span":
            positions = torch.tensor([0, 2, 1, 300])
            return inputs | {"start_positions": positions, "end_positions": positions}
        case "choice":
            return inputs | {"labels": torch.tensor([1, 0])}
        case "tagging":
            ids = inputs["input_ids"]
            return inputs | {"labels": (ids % 3).masked_fill(inputs["attention_mask"] == 0, -100)}
        case _:
            return inputs | {"labels": torch.tensor([0, 2, 1, 1])}


@pytest.mark.parametrize("problem", SOURCES)
def test_outputs_and_losses_equal_transformers(problem, tmp_path):
    folder = build("bert", tmp_path)
    labels = LABELS if problem in ("classification", "tagging") else None
    reference = load_with_head(problem, folder, labels=labels, seed=3)
    kind = PROBLEMS[problem].head
    generic = GenericHeadModel(load_backbone(folder), kind, num_outputs(kind, labels), "first").eval()
    for name, source in SOURCES[problem].items():
        generic.get_submodule(name).load_state_dict(reference.get_submodule(source).state_dict())
    assert {n.partition(".")[0] for n, _ in generic.named_parameters()} == {"encoder", *SOURCES[problem]}
    inputs = batch(load_tokenizer(folder), problem)
    expected, actual = reference(**inputs), generic(**inputs)
    assert type(actual) is type(expected)
    assert actual.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(actual[name], expected[name])


@pytest.mark.parametrize("problem", ["classification", "choice", "span"])
def test_causal_encoder_ignores_padding(problem, tmp_path):
    folder = build("qwen3", tmp_path)
    model = load_with_head(problem, folder, labels=LABELS if problem == "classification" else None, seed=0)
    inputs = {name: tensor for name, tensor in batch(load_tokenizer(folder), problem).items() if name in KEPT}
    longer = {
        name: nn.functional.pad(tensor, (0, 5), value=7 * (name == "input_ids")) for name, tensor in inputs.items()
    }
    other = longer | {"input_ids": longer["input_ids"].where(longer["attention_mask"] == 1, 11)}
    with torch.no_grad():
        expected, actual = model(**inputs), model(**other)
    for name in expected:
        tokens = expected[name].shape[1]
        real = inputs["attention_mask"].bool() if problem == "span" else torch.ones_like(expected[name]).bool()
        torch.testing.assert_close(actual[name][:, :tokens][real], expected[name][real])


KEPT = ("input_ids", "attention_mask")


def test_no_answer_logits_of_a_causal_encoder_use_the_last_token(tmp_path):
    """Texts that begin alike have the same first state, but not the same logits of no answer."""
    folder = build("qwen3", tmp_path)
    model, tokenizer = load_with_head("span", folder, labels=None, seed=0), load_tokenizer(folder)
    ids, mask = (tokenizer(["turn on", "turn it"], return_tensors="pt")[name] for name in KEPT)
    with torch.no_grad():
        states = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        start = model(input_ids=ids, attention_mask=mask).start_logits
    torch.testing.assert_close(states[0, 0], states[1, 0])
    assert abs(start[0, 0] - start[1, 0]) > 1e-4


def test_causal_tokenizer_separates_the_texts_of_a_pair(tmp_path):
    tokenizer = load_tokenizer(build("qwen3", tmp_path))
    encoded = tokenizer("turn on", "the light")
    assert "token_type_ids" not in encoded
    assert encoded["input_ids"].count(tokenizer.eos_token_id) == 2 == tokenizer.num_special_tokens_to_add(pair=True)
    assert encoded["input_ids"][-1] == tokenizer.eos_token_id
    sides = encoded.sequence_ids(0)
    assert sides[sides.index(1) - 1] is None


def test_last_state_is_the_last_unmasked_token():
    states = torch.arange(24.0).view(3, 4, 2)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    assert last_state(states, mask).tolist() == [[2.0, 3.0], [14.0, 15.0], [16.0, 17.0]]


@pytest.mark.parametrize("problem", ["classification", "tagging"])
def test_a_linear_head_has_the_weights_of_a_closed_form(tmp_path, problem):
    folder = build("xlm-roberta", tmp_path)
    weight, bias = torch.randn(3, 32), torch.randn(3)
    encoder = load_backbone(folder)
    model = linear_model(encoder, problem, "mean", weight, bias)
    ids = torch.arange(5, 15).view(2, 5)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with torch.no_grad():
        states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        vectors = states if problem == "tagging" else pool(states, mask, "mean")
        torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).logits, vectors @ weight.T + bias)


def test_a_pooled_head_starts_from_the_state_of_the_text(tmp_path):
    model = load_with_head("classification", build("bert", tmp_path), labels=LABELS, seed=0, head="pooled")
    assert set(head_parameters(model)) == {"classifier.weight", "classifier.bias"}
