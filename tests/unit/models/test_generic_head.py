"""Our head computes what transformers' heads compute, and reads the last token of a causal encoder."""

import pytest
import torch
from tests.tiny import SENTENCES, build
from torch import nn

from xstilts.models.generic_head import GenericHeadModel, outputs_of
from xstilts.models.heads import load_backbone, load_for, load_tokenizer
from xstilts.models.pooling import last_state
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
    given = {name: tensor.view(shape) for name, tensor in encoded.items()}
    match problem:
        case "span":
            positions = torch.tensor([0, 2, 1, 300])
            return given | {"start_positions": positions, "end_positions": positions}
        case "choice":
            return given | {"labels": torch.tensor([1, 0])}
        case "tagging":
            ids = given["input_ids"]
            return given | {"labels": (ids % 3).masked_fill(given["attention_mask"] == 0, -100)}
        case _:
            return given | {"labels": torch.tensor([0, 2, 1, 1])}


@pytest.mark.parametrize("problem", SOURCES)
def test_outputs_and_losses_are_those_of_transformers(problem, tmp_path):
    folder = build("bert", tmp_path)
    labels = LABELS if problem in ("classification", "tagging") else None
    theirs = load_for(problem, folder, labels=labels, seed=3)
    kind = PROBLEMS[problem].head
    ours = GenericHeadModel(load_backbone(folder), kind, outputs_of(kind, labels), "first").eval()
    for name, source in SOURCES[problem].items():
        ours.get_submodule(name).load_state_dict(theirs.get_submodule(source).state_dict())
    assert {n.partition(".")[0] for n, _ in ours.named_parameters()} == {"encoder", *SOURCES[problem]}
    given = batch(load_tokenizer(folder), problem)
    expected, found = theirs(**given), ours(**given)
    assert type(found) is type(expected)
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name])


@pytest.mark.parametrize("problem", ["classification", "choice", "span"])
def test_padding_and_its_id_change_nothing_of_a_causal_encoder(problem, tmp_path):
    folder = build("qwen3", tmp_path)
    model = load_for(problem, folder, labels=LABELS if problem == "classification" else None, seed=0)
    given = {name: tensor for name, tensor in batch(load_tokenizer(folder), problem).items() if name in KEPT}
    longer = {
        name: nn.functional.pad(tensor, (0, 5), value=7 * (name == "input_ids")) for name, tensor in given.items()
    }
    other = longer | {"input_ids": longer["input_ids"].where(longer["attention_mask"] == 1, 11)}
    with torch.no_grad():
        expected, found = model(**given), model(**other)
    for name in expected:
        tokens = expected[name].shape[1]
        real = given["attention_mask"].bool() if problem == "span" else torch.ones_like(expected[name]).bool()
        torch.testing.assert_close(found[name][:, :tokens][real], expected[name][real])


KEPT = ("input_ids", "attention_mask")


def test_no_answer_is_read_from_the_last_token_of_a_causal_encoder(tmp_path):
    """Texts that begin alike have the same first state, but not the same logits of no answer."""
    folder = build("qwen3", tmp_path)
    model, tokenizer = load_for("span", folder, labels=None, seed=0), load_tokenizer(folder)
    ids, mask = (tokenizer(["turn on", "turn it"], return_tensors="pt")[name] for name in KEPT)
    with torch.no_grad():
        states = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        start = model(input_ids=ids, attention_mask=mask).start_logits
    torch.testing.assert_close(states[0, 0], states[1, 0])
    assert abs(start[0, 0] - start[1, 0]) > 1e-4


def test_the_two_texts_of_a_pair_are_told_apart(tmp_path):
    tokenizer = load_tokenizer(build("qwen3", tmp_path))
    encoded = tokenizer("turn on", "the light")
    assert "token_type_ids" not in encoded
    assert encoded["input_ids"].count(tokenizer.eos_token_id) == 2 == tokenizer.num_special_tokens_to_add(pair=True)
    assert encoded["input_ids"][-1] == tokenizer.eos_token_id
    sides = encoded.sequence_ids(0)
    assert sides[sides.index(1) - 1] is None


def test_the_last_state_is_that_of_the_last_token():
    states = torch.arange(24.0).view(3, 4, 2)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    assert last_state(states, mask).tolist() == [[2.0, 3.0], [14.0, 15.0], [16.0, 17.0]]
