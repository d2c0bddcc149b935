from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import MASKED, SENTENCES, build
from transformers import AutoConfig, AutoModelForMaskedLM

from xstilts.config.training import Train
from xstilts.errors import UserError
from xstilts.models import mlm as module
from xstilts.models.heads import encoder_state, load_backbone, load_tokenizer, load_with_head
from xstilts.models.mlm import MaskedInputs, MaskedLanguageModel, Masker, load_masked, perplexity, windows
from xstilts.models.sharing import share_encoder
from xstilts.models.split import backbone
from xstilts.problems.features import IGNORE_INDEX
from xstilts.train.fit import Objective, fit

TRAIN = Train(steps=40, batch_size=8, max_length=32, precision="fp32", learning_rate=3e-3, dropout=0.0)


def inputs(folder: Path, model: MaskedLanguageModel, seed: int = 0, share: float = 0.15) -> MaskedInputs:
    tokenizer = load_tokenizer(folder)
    rows = backbone(model).get_input_embeddings().weight.shape[0]
    return MaskedInputs(
        features=windows(SENTENCES, tokenizer, 32),
        masker=Masker.from_tokenizer(tokenizer, rows, share),
        pad_id=tokenizer.pad_token_id,
        rng=np.random.default_rng(seed),
    )


def save_checkpoint(kind: str, folder: Path, **settings: object) -> Path:
    """A checkpoint with a head whose weights all differ from a new one."""
    build(kind, folder)
    config = AutoConfig.from_pretrained(folder, **settings)
    torch.manual_seed(1)
    model = AutoModelForMaskedLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", MASKED)
def test_masked_logits_equal_full_logits(kind: str, tmp_path: Path) -> None:
    model = load_masked(save_checkpoint(kind, tmp_path), seed=0)
    batch = inputs(tmp_path, model).batch(range(6))
    full = model.model(**{name: tensor for name, tensor in batch.items() if name != "labels"}).logits
    hidden, targets = model.masked_states(**batch)
    is_masked = batch["labels"] != IGNORE_INDEX
    assert model.logits(hidden).shape[0] == is_masked.sum() < batch["input_ids"].numel()
    torch.testing.assert_close(model.logits(hidden), full[is_masked])
    torch.testing.assert_close(model(**batch).loss, torch.nn.functional.cross_entropy(full[is_masked], targets))


def test_blocked_loss_has_equal_gradients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_masked(save_checkpoint("bert", tmp_path), seed=0)
    batch = inputs(tmp_path, model, share=0.5).batch(range(8))
    gradients = []
    for block in (1000, 3):
        monkeypatch.setattr(module, "BLOCK", block)
        model.zero_grad()
        model(**batch).loss.backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", MASKED)
def test_pretrained_head_is_loaded(kind: str, tmp_path: Path) -> None:
    model = load_masked(save_checkpoint(kind, tmp_path), seed=0)
    again = AutoModelForMaskedLM.from_pretrained(tmp_path)
    assert model.pretrained_head
    for name, parameter in again.named_parameters():
        torch.testing.assert_close(dict(model.model.named_parameters())[name], parameter)


def test_deberta_v3_head_is_loaded(tmp_path: Path) -> None:
    model = load_masked(save_checkpoint("deberta-v2", tmp_path, legacy=False), seed=0)
    assert model.pretrained_head and hasattr(model.model, "lm_predictions")
    batch = inputs(tmp_path, model).batch(range(6))
    full = model.model(**{name: tensor for name, tensor in batch.items() if name != "labels"}).logits
    torch.testing.assert_close(model.logits(model.masked_states(**batch)[0]), full[batch["labels"] != IGNORE_INDEX])


@pytest.mark.parametrize("kind", MASKED)
def test_missing_head_depends_only_on_the_seed(kind: str, tmp_path: Path) -> None:
    build(kind, tmp_path)
    one, same, other = (load_masked(tmp_path, seed) for seed in (3, 3, 4))
    assert not one.pretrained_head
    for name, tensor in encoder_state(load_backbone(tmp_path)).items():
        torch.testing.assert_close(encoder_state(one.model)[name], tensor, rtol=0, atol=0)
    states = [model.state_dict() for model in (one, same, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


@pytest.mark.parametrize("kind", MASKED)
def test_decoder_stays_tied_during_training(kind: str, tmp_path: Path) -> None:
    model = load_masked(build(kind, tmp_path), seed=0)
    before = perplexity(model, inputs(tmp_path, model, seed=9), "fp32")
    table = backbone(model).get_input_embeddings().weight.detach().clone()
    fitted = fit([Objective(model=model, batches=inputs(tmp_path, model))], [0] * 40, TRAIN, seed=1)
    trained = backbone(model).get_input_embeddings().weight
    assert fitted.last_loss < fitted.first_loss
    assert perplexity(model, inputs(tmp_path, model, seed=9), "fp32") < before
    assert (model.model.get_output_embeddings().weight is trained) == model.model.config.tie_word_embeddings
    assert not torch.equal(table, trained)


def test_tie_embeddings_after_replacing_the_encoder(tmp_path: Path) -> None:
    model, other = (
        load_masked(build("xlm-roberta", tmp_path), seed=0),
        load_with_head("choice", tmp_path, labels=None, seed=1),
    )
    share_encoder(other, model.model)
    model.tie_embeddings()
    table = backbone(other).get_input_embeddings().weight
    assert model.model.get_output_embeddings().weight is table is backbone(model).get_input_embeddings().weight


def test_masks_change_between_epochs_and_repeat_with_the_seed(tmp_path: Path) -> None:
    model = load_masked(build("xlm-roberta", tmp_path), seed=0)
    first, again, other = (inputs(tmp_path, model, seed=seed) for seed in (0, 0, 1))
    visits = [first.batch(range(8)), first.batch(range(8))]
    assert not torch.equal(visits[0]["labels"], visits[1]["labels"])
    assert torch.equal(visits[0]["labels"], (same := again.batch(range(8)))["labels"])
    assert torch.equal(visits[0]["input_ids"], same["input_ids"])
    assert not torch.equal(visits[0]["labels"], other.batch(range(8))["labels"])


def test_masked_share_and_replacements(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(build("xlm-roberta", tmp_path))
    masker = Masker.from_tokenizer(tokenizer, len(tokenizer), 0.15)
    ids = [0, *([10] * 4000), 2]
    shown, labels = masker(ids, np.random.default_rng(0))
    chosen = [place for place, label in enumerate(labels) if label != IGNORE_INDEX]
    assert len(chosen) in (600, 601)
    assert not {0, len(ids) - 1} & set(chosen)
    assert all(labels[place] == ids[place] for place in chosen)
    assert all(shown[place] == ids[place] for place in set(range(len(ids))) - set(chosen))
    masked = sum(shown[place] == tokenizer.mask_token_id for place in chosen) / len(chosen)
    unchanged = sum(shown[place] == 10 for place in chosen) / len(chosen)
    assert masked == pytest.approx(0.8, abs=0.05)
    assert unchanged == pytest.approx(0.1, abs=0.04)
    assert not masker.special_ids & {shown[place] for place in chosen if shown[place] != tokenizer.mask_token_id}


def test_short_text_has_one_masked_sub_word(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(build("xlm-roberta", tmp_path))
    masker = Masker.from_tokenizer(tokenizer, len(tokenizer), 0.15)
    _, labels = masker([0, 10, 11, 2], np.random.default_rng(0))
    assert sum(label != IGNORE_INDEX for label in labels) == 1


def test_long_text_becomes_several_windows(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(build("xlm-roberta", tmp_path))
    text = " ".join(["light", "kitchen", "weather"] * 30)
    windowed = windows([text, "", "today"], tokenizer, 16)
    assert max(feature.length for feature in windowed) <= 16
    full = tokenizer(text, add_special_tokens=False)["input_ids"]
    inner = [token for feature in windowed if feature.example == 0 for token in feature.ids[0][1:-1]]
    assert inner == full
    assert {feature.example for feature in windowed} == {0, 2}


def test_architecture_without_mlm_head_raises(tmp_path: Path) -> None:
    build("bert", tmp_path)
    AutoConfig.for_model("vit").save_pretrained(tmp_path)
    with pytest.raises(UserError):
        load_masked(tmp_path, seed=0)
