import pytest
import torch
from tests.tiny import KINDS, SENTENCES, build

from xstilts.models import split
from xstilts.models.heads import load_backbone, load_tokenizer, load_with_head
from xstilts.models.split import backbone, embeddings, hidden_states, layers, run_lower, supports_split, truncate
from xstilts.problems import PROBLEMS

PROBLEMS_WITH_HEAD = [name for name, problem in PROBLEMS.items() if problem.auto_model]
LABELS = {"classification": ("yes", "no", "maybe"), "tagging": ("O", "B-room", "I-room")}


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp(request.param), layers=3)


def encode(folder, problem="classification"):
    """Ids and mask [4, tokens] with padding, or [2, 2, tokens] for multiple choice."""
    batch = load_tokenizer(folder)(list(SENTENCES[:4]), padding=True, return_tensors="pt")
    shape = (2, 2, -1) if problem == "choice" else (4, -1)
    return batch["input_ids"].view(shape), batch["attention_mask"].view(shape)


def outputs(output):
    return [output[name] for name in ("logits", "start_logits", "end_logits") if name in output]


@pytest.mark.parametrize("problem", PROBLEMS_WITH_HEAD)
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_truncated_model_on_activations_equals_the_full_model(folder, problem, count):
    model = load_with_head(problem, folder, labels=LABELS.get(problem), seed=1)
    ids, mask = encode(folder, problem)
    with torch.no_grad():
        full = outputs(model(input_ids=ids, attention_mask=mask))
        hidden = run_lower(model, count, ids, mask)
        cut = outputs(truncate(model, count)(inputs_embeds=hidden, attention_mask=mask))
    assert hidden.shape == (*ids.shape, 32)
    assert full and len(full) == len(cut)
    for expected, actual in zip(full, cut, strict=True):
        torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)


def test_truncation_does_not_change_the_full_model(folder):
    model = load_with_head("classification", folder, labels=LABELS["classification"], seed=1)
    names = list(model.state_dict())
    truncate(model, 2)
    run_lower(model, 1, *encode(folder))
    assert list(model.state_dict()) == names
    assert len(layers(model)) == 3


def test_gradients_of_upper_layers_and_head_equal_the_full_model(folder):
    model = load_with_head("classification", folder, labels=LABELS["classification"], seed=1)
    ids, mask = encode(folder)
    labels = torch.tensor([0, 1, 2, 0])
    head = [value for name, value in model.named_parameters() if name.startswith("classifier")]
    upper = [*layers(model)[1:].parameters(), *head]
    full = torch.autograd.grad(model(input_ids=ids, attention_mask=mask, labels=labels).loss, upper)
    with torch.no_grad():
        hidden = run_lower(model, 1, ids, mask)
    short = truncate(model, 1)
    cut = torch.autograd.grad(short(inputs_embeds=hidden, attention_mask=mask, labels=labels).loss, upper)
    torch.testing.assert_close(cut, full, atol=1e-6, rtol=1e-5)
    assert {id(parameter) for parameter in upper} <= {id(parameter) for parameter in short.parameters()}


def test_hidden_states_equal_run_lower(folder):
    encoder = load_backbone(folder)
    ids, mask = encode(folder)
    with torch.no_grad():
        states = hidden_states(encoder, ids, mask)
        assert len(states) == 4
        for count in (0, 1, 2):
            torch.testing.assert_close(states[count], run_lower(encoder, count, ids, mask), atol=1e-6, rtol=0)
        last = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(states[-1], last, atol=0, rtol=0)


def test_hidden_states_are_collected_once_with_shared_layers(folder):
    model = load_with_head("classification", folder, labels=LABELS["classification"], seed=1)
    ids, mask = encode(folder)
    with torch.no_grad():
        truncate(model, 1)(inputs_embeds=run_lower(model, 1, ids, mask), attention_mask=mask)
        assert len(hidden_states(model, ids, mask)) == 4
        assert len(hidden_states(model, ids, mask)) == 4


def test_embeddings_and_layers_are_found(folder):
    model = load_with_head("tagging", folder, labels=LABELS["tagging"], seed=1)
    parameter_ids = {id(parameter) for parameter in backbone(model).parameters()}
    assert {id(parameter) for parameter in embeddings(model).parameters()} < parameter_ids
    assert {id(parameter) for parameter in layers(model).parameters()} < parameter_ids
    assert sum(p.numel() for p in embeddings(model).parameters()) >= len(load_tokenizer(folder)) * 32


def test_split_outside_the_encoder_raises(folder):
    with pytest.raises(ValueError, match="3"):
        truncate(load_backbone(folder), 4)


def test_unknown_architectures_and_convolutions_cannot_be_split(tmp_path, monkeypatch):
    encoder = load_backbone(build("deberta-v2", tmp_path))
    assert supports_split(encoder)
    encoder.config.conv_kernel_size = 3
    assert not supports_split(encoder)
    with pytest.raises(ValueError):
        truncate(encoder, 1)
    encoder.config.conv_kernel_size = 0
    monkeypatch.setattr(split, "BY_MODEL_TYPE", {})
    assert not supports_split(encoder)
