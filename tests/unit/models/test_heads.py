import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tiny import KINDS, build
from transformers import AutoModel

from xstilts.errors import DataError, UserError
from xstilts.models import heads
from xstilts.models.extend_head import extend_head
from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.generic_head import GenericHeadModel
from xstilts.models.heads import (
    encoder_state,
    head_parameters,
    load_backbone,
    load_tokenizer,
    load_with_head,
    restore_encoder,
)
from xstilts.problems import PROBLEMS

LABELS = {"classification": ("yes", "no", "maybe"), "tagging": ("O", "B-room", "I-room")}


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp(request.param))


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("problem", [name for name, problem in PROBLEMS.items() if problem.auto_model])
def test_head_depends_only_on_the_seed(folder, problem):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = load_with_head(problem, folder, labels=LABELS.get(problem), seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again = load_with_head(problem, folder, labels=LABELS.get(problem), seed=5)
    other = load_with_head(problem, folder, labels=LABELS.get(problem), seed=6)
    is_generic = PROBLEMS[problem].head in BY_MODEL_TYPE[first.config.model_type].generic_heads
    suffix = "GenericHeadModel" if is_generic else (PROBLEMS[problem].auto_model or "").removeprefix("AutoModel")
    assert type(first).__name__.endswith(suffix)
    assert equal(first.state_dict(), again.state_dict())
    assert equal(encoder_state(first), encoder_state(other))
    assert not equal(head_parameters(first), head_parameters(other))


def test_encoder_weights_equal_those_of_the_folder(folder):
    stored = dict(AutoModel.from_pretrained(folder).named_parameters())
    state = encoder_state(load_with_head("classification", folder, labels=LABELS["classification"], seed=0))
    assert state.keys() == {name for name in stored if not name.startswith("pooler.")}
    assert all(torch.equal(state[name], stored[name]) for name in state)
    assert equal(state, encoder_state(load_backbone(folder)))
    assert not head_parameters(load_backbone(folder))


@pytest.mark.parametrize("problem", LABELS)
def test_an_extended_head_has_the_old_outputs_and_a_trainable_new_one(folder, problem):
    labels, extended = LABELS[problem], (*LABELS[problem], "new", "newer")
    model = load_with_head(problem, folder, labels=labels, seed=5)
    batch = {"input_ids": torch.arange(5, 13)[None], "attention_mask": torch.ones(1, 8, dtype=torch.long)}
    before = model(**batch).logits
    extend_head(model, labels, extended, seed=1)
    targets = torch.full(before.shape[:-1], 4)
    output = model(**batch, labels=targets)
    assert output.logits.shape == (*before.shape[:-1], 5)
    torch.testing.assert_close(output.logits[..., :3], before)
    output.loss.backward()
    gradients = [p.grad for p in head_parameters(model).values() if p.grad is not None and len(p.grad) == 5]
    assert gradients and all(gradient[4].abs().sum() > 0 for gradient in gradients)
    assert model.config.id2label == dict(enumerate(extended))
    other = load_with_head(problem, folder, labels=labels, seed=5)
    extend_head(other, labels, extended, seed=1)
    assert equal(head_parameters(other), head_parameters(model))


def test_a_head_without_an_output_for_each_label_cannot_be_extended(folder):
    model = load_with_head("span", folder, labels=None, seed=5)
    with pytest.raises(UserError, match="new"):
        extend_head(model, LABELS["tagging"], (*LABELS["tagging"], "new"), seed=1)


def test_in_place_updates_do_not_change_the_file(folder):
    """The weights are mapped from the file, so that this is not a matter of course."""
    before = (folder / "model.safetensors").read_bytes()
    encoder = load_backbone(folder)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.mul_(2)
    assert (folder / "model.safetensors").read_bytes() == before
    assert not equal(encoder_state(load_backbone(folder)), encoder_state(encoder))


def test_labels_are_in_the_configuration(folder):
    config = load_with_head("classification", folder, labels=LABELS["classification"], seed=0).config
    assert config.id2label == {0: "yes", 1: "no", 2: "maybe"}
    assert config.label2id == {"yes": 0, "no": 1, "maybe": 2}
    assert load_with_head("span", folder, labels=None, seed=0).config.num_labels == 2


def test_head_in_the_folder_is_ignored(folder, tmp_path):
    trained = load_with_head("tagging", folder, labels=("a", "b"), seed=1)
    trained.save_pretrained(tmp_path)
    for labels in (("a", "b"), LABELS["tagging"]):
        fresh = load_with_head("tagging", folder, labels=labels, seed=3)
        after = load_with_head("tagging", tmp_path, labels=labels, seed=3)
        assert equal(after.state_dict(), fresh.state_dict())


def test_retrieval_has_no_head(folder):
    assert equal(
        load_with_head("retrieval", folder, labels=None, seed=0).state_dict(), load_backbone(folder).state_dict()
    )


def test_restore_encoder_keeps_the_head(folder):
    source = load_with_head("classification", folder, labels=LABELS["classification"], seed=1)
    with torch.no_grad():
        for parameter in source.parameters():
            parameter.add_(1)
    target = load_with_head("tagging", folder, labels=LABELS["tagging"], seed=1)
    head = {name: parameter.clone() for name, parameter in head_parameters(target).items()}
    restored = restore_encoder(target, encoder_state(source))
    assert set(restored) == encoder_state(source).keys()
    assert equal(encoder_state(target), encoder_state(source))
    assert equal(head_parameters(target), head)


def test_state_of_another_encoder_raises_and_changes_nothing(folder):
    model = load_backbone(folder)
    before = {name: tensor.clone() for name, tensor in encoder_state(model).items()}
    name = next(iter(before))
    wrong_shape = {**before, name: torch.zeros(3)}
    lacking = {key: tensor + 1 for key, tensor in before.items() if key != name}
    for state in (wrong_shape, lacking):
        with pytest.raises(ValueError):
            restore_encoder(model, state)
    assert equal(encoder_state(model), before)


def test_poolers_belong_to_the_head(tmp_path):
    model = load_with_head("choice", build("bert", tmp_path), labels=None, seed=0)
    assert "bert.pooler.dense.weight" in head_parameters(model)
    assert not any("pooler" in name for name in encoder_state(model))


def test_folder_without_a_tensor_raises(folder, tmp_path):
    state = load_file(folder / "model.safetensors")
    lost = next(name for name in state if "layer" in name)
    del state[lost]
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(DataError, match=r"[13]"):  # 3 if query, key and value are one tensor
        load_backbone(tmp_path)


def test_empty_folder_raises(tmp_path):
    with pytest.raises(DataError):
        load_backbone(tmp_path)
    with pytest.raises(DataError):
        load_tokenizer(tmp_path)


def test_mismatched_tensor_shape_raises(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": config["vocab_size"] + 1}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(DataError, match="1"):
        load_with_head("classification", tmp_path, labels=("a", "b"), seed=0)


def test_pickled_weights_raise(folder, tmp_path):
    torch.save(load_file(folder / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(DataError):
        load_backbone(tmp_path)


def test_architecture_without_a_head_gets_the_generic_head(folder, monkeypatch):
    class Auto:
        _model_mapping = ()

    monkeypatch.setattr(heads.transformers, "AutoModelForMultipleChoice", Auto, raising=False)
    monkeypatch.setattr(heads, "BY_MODEL_TYPE", {})
    model = load_with_head("choice", folder, labels=None, seed=0)
    assert isinstance(model, GenericHeadModel)
    assert equal(encoder_state(model), encoder_state(load_backbone(folder)))


@pytest.mark.parametrize("stated", [{"model_type": "new"}, {"model_type": "foo", "auto_map": {"AutoModel": "x.Foo"}}])
def test_remote_code_raises(tmp_path, stated):
    (tmp_path / "config.json").write_text(json.dumps(stated))
    with pytest.raises(DataError) as refused:
        load_backbone(tmp_path)
    assert "gte" in str(refused.value.hint)


def test_tokenizers_return_offsets(folder):
    encoded = load_tokenizer(folder)("turn on", return_offsets_mapping=True)
    assert (0, 4) in encoded["offset_mapping"] or (0, 1) in encoded["offset_mapping"]
