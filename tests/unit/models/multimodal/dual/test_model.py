"""Dual encoders equal the models of transformers, and only the intended weights train."""

from dataclasses import replace

import pytest
import torch
from tests.tiny_dual import BIAS, FILLED, KINDS, SCALE, build, picture
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from xstilts.config.training import Train
from xstilts.data.features import featurise, hide
from xstilts.data.tokenised import token_ids
from xstilts.errors import DataError, UserError
from xstilts.methods.method import Adapters
from xstilts.models.heads import (
    encoder_state,
    fresh_parameters,
    head_parameters,
    load_text_encoder,
    load_tokenizer,
    load_with_head,
    restore_encoder,
)
from xstilts.models.multimodal.dual.model import load_dual
from xstilts.models.multimodal.dual.vision import DualVision
from xstilts.models.sharing import share_encoder
from xstilts.models.split import layers, supports_split, truncate
from xstilts.models.tuning import adapters, attention_projections, boundary, freeze, trained_parameters
from xstilts.problems import Caption, ImageText
from xstilts.stages.training import make_trainable
from xstilts.train.fit import Objective, fit

PLACE = {"group": "g", "language": "en"}
CAPTIONS = [
    Caption(id="1", text="turn on the light", image="c:1", **PLACE),
    Caption(id="2", text="the kitchen", image="c:2", **PLACE),
    Caption(id="3", text="what is the weather like today", image="c:3", **PLACE),
]
PAIRS = [
    ImageText(id="1", text="turn on the light", images=("c:1", "c:2"), label="a", **PLACE),
    ImageText(id="2", text="weather", images=("c:3",), label="b", **PLACE),
    ImageText(id="3", text="what is the weather like", images=("c:2", "c:1"), label="b", **PLACE),
]
LABELS = ("a", "b")
WHOLE = Train(precision="fp32", batch_size=3, steps=2, learning_rate=1e-2, dropout=0.0)


class Gallery:
    """Pictures that follow from an image's name alone, as the folder's own image encoder sees them."""

    def __init__(self, folder):
        self.vision = DualVision(folder)

    def tensor(self, references):
        return self.vision.features([picture(int(name[2:])) for name in references], 0, 0)


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module", params=("clip", "siglip", "vision-text"))
def common(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp(request.param))


def _pupil(folder, problem, examples, train=WHOLE):
    tokenizer = load_tokenizer(folder)
    labels = LABELS if problem == "image-text" else None
    model = load_dual(problem, folder, labels=labels, seed=0)
    features = featurise(problem, examples, tokenizer, labels, 128)
    return make_trainable(
        model, problem, tokenizer, train, "cpu", lambda: token_ids(features), None, Gallery(folder)
    ), features


def _official(folder):
    """transformers' model on what its tokenizer and image processor give, texts filled up as the authors do."""
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    siglip = model.config.model_type.startswith("siglip")
    padding = {"padding": "max_length", "truncation": True, "max_length": FILLED} if siglip else {"padding": True}
    texts = tokenizer([caption.text for caption in CAPTIONS], return_tensors="pt", **padding)
    if siglip:
        texts.pop("attention_mask", None)
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")([picture(n) for n in (1, 2, 3)])
    images = images.convert_to_tensors("pt")
    return model, dict(texts), dict(images)


def test_vectors_and_logits_equal_transformers(folder):
    official, texts, images = _official(folder)
    trainable, features = _pupil(folder, "image-retrieval", CAPTIONS, Train(freeze_embeddings=True, precision="fp32"))
    with torch.no_grad():
        output = trainable.trained_part.eval()(**trainable.inputs(features).batch([0, 1, 2], labels=False))
        text = official.get_text_features(**texts).pooler_output
        image = official.get_image_features(**images).pooler_output
        logits = official(**texts, **images).logits_per_image
    close = {"atol": 1e-5, "rtol": 1e-4}
    torch.testing.assert_close(output.texts, torch.nn.functional.normalize(text, dim=-1), **close)
    torch.testing.assert_close(output.images, torch.nn.functional.normalize(image, dim=-1), **close)
    scale = trainable.model.head.log_scale.exp().item()
    assert scale == pytest.approx(torch.tensor(SCALE).exp().item())
    bias = BIAS if hasattr(official, "logit_bias") else 0.0
    torch.testing.assert_close(output.images @ output.texts.T * scale + bias, logits, atol=1e-4, rtol=1e-4)
    assert logits.std() > 0.1


def test_text_vectors_do_not_depend_on_the_batch(folder):
    trainable, features = _pupil(folder, "image-retrieval", CAPTIONS)
    inputs = trainable.inputs(features)
    with torch.no_grad():
        together = trainable.trained_part.eval()(**inputs.batch([0, 1, 2], labels=False)).texts
        alone = torch.cat([trainable.trained_part(**inputs.batch([row], labels=False)).texts for row in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_reduced_vocabulary_gives_equal_outputs_and_expands(folder):
    full, features = _pupil(folder, "image-retrieval", CAPTIONS, Train(freeze_embeddings=True, precision="fp32"))
    small, _ = _pupil(folder, "image-retrieval", CAPTIONS)
    assert full.vocabulary is None and small.vocabulary is not None
    rows = [len(p.vocabulary.rows) if p.vocabulary else p.model.config.text_config.vocab_size for p in (small, full)]
    assert rows[0] < rows[1]
    with torch.no_grad():
        expected = full.trained_part.eval()(**full.inputs(features).batch([0, 1, 2], labels=True))
        output = small.trained_part.eval()(**small.inputs(features).batch([0, 1, 2], labels=True))
        torch.testing.assert_close(output.texts, expected.texts)
        torch.testing.assert_close(output.loss, expected.loss)
        small.vocabulary.expand(1.0)
        again = small.trained_part(**full.inputs(features).batch([0, 1, 2], labels=True))
    torch.testing.assert_close(again.texts, expected.texts)


def test_training_step_changes_text_tower_and_projections(folder):
    trainable, features = _pupil(folder, "image-retrieval", CAPTIONS, WHOLE)
    before = {name: p.detach().clone() for name, p in trained_parameters(trainable.trained_part).items()}
    fit([Objective(model=trainable.trained_part, batches=trainable.inputs(features))], [0, 0], WHOLE, seed=0)
    changed = {
        name for name, p in trained_parameters(trainable.trained_part).items() if not torch.equal(p, before[name])
    }
    assert not any("vision" in name for name in before)
    assert all(name in changed for name in before if name.startswith("image.") or "projection" in name)
    assert any(f"layers.{row}." in name or f"layer.{row}." in name for name in changed for row in (1,))
    assert "head.log_scale" in changed
    untouched = DualVision(folder).features([picture(1)], 0, 0)
    torch.testing.assert_close(untouched, trainable.image_lookup(["c:1"]), rtol=0, atol=0)


def test_encoder_state_has_projections_but_no_head(folder):
    first = load_dual("image-retrieval", folder, labels=None, seed=0)
    second = load_dual("image-text", folder, labels=LABELS, seed=0)
    third = load_dual("image-text", folder, labels=LABELS, seed=1)
    state = {name: tensor + 1 for name, tensor in encoder_state(first).items()}
    assert restore_encoder(second, state) == tuple(encoder_state(second))
    assert all(torch.equal(tensor, state[name]) for name, tensor in encoder_state(second).items())
    if first.config.model_type not in ("siglip", "siglip2"):
        assert {"image.weight", "text_projection.weight"} <= state.keys()
    assert all(name.startswith("head.") for name in head_parameters(second))
    assert fresh_parameters(second).keys() == head_parameters(second).keys()
    assert not torch.equal(second.head.dense.weight, third.head.dense.weight)


def test_share_encoder_shares_everything_except_heads(common):
    first = load_dual("image-retrieval", common, labels=None, seed=0)
    second = load_dual("image-text", common, labels=LABELS, seed=0)
    share_encoder(first, second)
    assert all(a is b for a, b in zip(first.text.parameters(), second.text.parameters(), strict=True))
    assert first.image is second.image


def test_adapters_are_the_only_trained_encoder_weights(folder):
    trainable, features = _pupil(folder, "image-text", PAIRS)
    before = {name: tensor.clone() for name, tensor in encoder_state(trainable.model).items()}
    assert len(attention_projections(trainable.model)) == 2 * len(layers(trainable.model))
    inputs = trainable.inputs(features)
    with adapters(trainable.trained_part, Adapters(rank=2, alpha=4), 0, merge=False):
        names = trained_parameters(trainable.trained_part)
        assert all("lora" in name or name.startswith("head.") for name in names)
        fit([Objective(model=trainable.trained_part, batches=inputs)], [0, 0], WHOLE, seed=0)
    after = encoder_state(trainable.model)
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_freezing_all_layers_trains_text_projection_and_head(common):
    model = load_dual("image-retrieval", common, labels=None, seed=0)
    freeze(model, Train(frozen_layers=2))
    trained = set(trained_parameters(model))
    assert "head.log_scale" in trained
    layer_ids = {id(p) for layer in layers(model) for p in layer.parameters()}
    assert not any(id(p) in layer_ids for p in trained_parameters(model).values())
    assert not any(name.startswith("image.") or "embedding" in name for name in trained)
    assert any("projection" in name or "text_model.head" in name for name in trained)
    assert boundary(model, Train(frozen_layers=2)) is None
    with pytest.raises(UserError, match="2"):
        freeze(model, Train(frozen_layers=3))


def test_dual_encoders_cannot_be_split(common):
    model = load_dual("image-retrieval", common, labels=None, seed=0)
    assert not supports_split(model)
    with pytest.raises(ValueError):
        truncate(model, 1)


def test_image_order_matters_and_padding_does_not(common):
    trainable, features = _pupil(common, "image-text", PAIRS)
    swapped = replace(features[0], images=features[0].images[::-1])
    one = replace(features[0], images=features[0].images[:1])
    inputs = trainable.inputs([features[0], swapped, one, features[1]])
    with torch.no_grad():
        together = trainable.trained_part.eval()(**inputs.batch([0, 1, 2, 3], labels=False)).logits
        alone = torch.cat([trainable.trained_part(**inputs.batch([row], labels=False)).logits for row in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-4)
    assert not torch.allclose(together[0], together[2], atol=1e-4)


def test_masked_images_do_not_change_outputs(common):
    trainable, features = _pupil(common, "image-text", PAIRS)
    tokenizer = load_tokenizer(common)
    for modality, changed in (("text", {"images": ("c:3",)}), ("images", {"ids": features[1].ids})):
        inputs = trainable.inputs(hide([features[0], replace(features[0], **changed)], modality, tokenizer))
        with torch.no_grad():
            first, second = trainable.trained_part.eval()(**inputs.batch([0, 1], labels=False)).logits
        torch.testing.assert_close(first, second)


def test_three_images_raise(common):
    many = replace(PAIRS[0], images=("c:1", "c:2", "c:3"))
    trainable, features = _pupil(common, "image-text", [many])
    with pytest.raises(DataError, match="3"):
        trainable.trained_part(**trainable.inputs(features).batch([0], labels=False))


def test_scale_of_the_checkpoint_is_kept(common):
    model = load_dual("image-retrieval", common, labels=None, seed=0)
    wide = type(model.head)(150.0).train()
    vectors = torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    wide(vectors, vectors.flip(0), torch.arange(4)).loss.backward()
    assert wide.log_scale.grad != 0


def test_dual_encoder_for_text_tasks_raises(common):
    with pytest.raises(UserError):
        load_text_encoder(common)
    with pytest.raises(UserError):
        load_with_head("classification", common, labels=LABELS, seed=0)


def test_other_models_raise(tmp_path):
    from tests.tiny import build as build_text

    with pytest.raises(UserError):
        load_dual("image-retrieval", build_text("bert", tmp_path), labels=None, seed=0)
