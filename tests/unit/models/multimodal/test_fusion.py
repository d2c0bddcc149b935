from dataclasses import replace

import pytest
import torch
from tests.tiny import build

from xstilts.config.training import Train
from xstilts.data.features import featurise, hide
from xstilts.data.tokenised import token_ids
from xstilts.errors import DataError
from xstilts.models.heads import encoder_state, fresh_parameters, head_parameters, load_fused, load_tokenizer
from xstilts.models.multimodal.fusion import ImageInputSpec
from xstilts.models.split import backbone, layers
from xstilts.models.tuning import boundary, freeze, split_head, trained_parameters
from xstilts.problems import Caption, ImageText
from xstilts.stages.training import make_trainable
from xstilts.train.predict import predict

PLACE = {"group": "g", "language": "en"}
SIGHT = ImageInputSpec(channels=6, tokens=4, layer=1)
PAIRS = [
    ImageText(id="1", text="turn on the light", images=("c:1", "c:2"), label="a", **PLACE),
    ImageText(id="2", text="weather", images=("c:3",), label="b", **PLACE),
    ImageText(id="3", text="what is the weather like", images=("c:2", "c:1"), label="b", **PLACE),
]
CAPTIONS = [
    Caption(id="1", text="the light", image="c:1", **PLACE),
    Caption(id="2", text="the kitchen light", image="c:1", **PLACE),
    Caption(id="3", text="weather today", image="c:2", **PLACE),
]
LABELS = ("a", "b")


class Gallery:
    """Features that follow from an image's name alone."""

    channels = 6

    def tensor(self, references):
        rows = [torch.randn(4, 6, generator=torch.Generator().manual_seed(int(name[2:]))) for name in references]
        return torch.stack(rows)


@pytest.fixture(scope="module", params=["xlm-roberta", "bert", "modernbert", "deberta-v2"])
def folder(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp(request.param))


def _pupil(folder, problem, examples, train):
    tokenizer = load_tokenizer(folder)
    labels = LABELS if problem == "image-text" else None
    model = load_fused(problem, folder, SIGHT, labels=labels, seed=0)
    features = featurise(problem, examples, tokenizer, labels, 32)
    return make_trainable(
        model, problem, tokenizer, train, "cpu", lambda: token_ids(features), None, Gallery()
    ), features


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize(("problem", "examples"), [("image-text", PAIRS), ("image-retrieval", CAPTIONS)])
def test_cached_activations_give_equal_outputs(folder, problem, examples, frozen):
    train = Train(frozen_layers=frozen, freeze_embeddings=True, precision="fp32")
    trainable, features = _pupil(folder, problem, examples, train)
    assert trainable.first_trained_layer == min(frozen, SIGHT.layer)
    cached = trainable.inputs(features)
    assert cached.activations is not None
    full = replace(cached, lower=None, activations=None)
    indices = list(range(len(features)))
    with torch.no_grad():
        expected = trainable.model.eval()(**full.batch(indices, labels=True))
        actual = trainable.trained_part.eval()(**cached.batch(indices, labels=True))
    torch.testing.assert_close(actual.loss, expected.loss)


@pytest.mark.parametrize(("problem", "examples"), [("image-text", PAIRS), ("image-retrieval", CAPTIONS)])
def test_truncated_training_equals_full_training(folder, problem, examples):
    train = Train(frozen_layers=1, freeze_embeddings=True, precision="fp32", dropout=0.0)
    trainable, features = _pupil(folder, problem, examples, train)
    cached, indices = trainable.inputs(features), list(range(len(features)))
    full = replace(cached, lower=None, activations=None)

    def gradients(model, inputs):
        trainable.model.zero_grad()
        model.train()(**inputs.batch(indices, labels=True)).loss.backward()
        return {name: p.grad.clone() for name, p in trained_parameters(trainable.model).items() if p.grad is not None}

    expected, actual = gradients(trainable.model, full), gradients(trainable.trained_part, cached)
    assert actual.keys() == expected.keys() and any("image" in name for name in actual)
    length = torch.cat([gradient.flatten() for gradient in expected.values()]).norm()
    for name, gradient in expected.items():
        assert (actual[name] - gradient).norm() < 1e-3 * gradient.norm() + 3e-5 * length, name


@pytest.mark.parametrize(("problem", "examples"), [("image-text", PAIRS), ("image-retrieval", CAPTIONS)])
def test_examples_of_a_batch_are_independent(folder, problem, examples):
    trainable, features = _pupil(folder, problem, examples, Train(freeze_embeddings=True, precision="fp32"))
    inputs = trainable.inputs(features)
    name = "logits" if problem == "image-text" else "texts"
    with torch.no_grad():
        together = trainable.trained_part.eval()(**inputs.batch([0, 1, 2], labels=False))[name]
        alone = torch.cat([trainable.trained_part(**inputs.batch([row], labels=False))[name] for row in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_outputs_depend_on_images_and_their_order(folder):
    trainable, features = _pupil(folder, "image-text", PAIRS, Train(freeze_embeddings=True, precision="fp32"))
    swapped = replace(features[0], images=features[0].images[::-1])
    other = replace(features[0], images=("c:1", "c:3"))
    inputs = trainable.inputs([features[0], swapped, other])
    with torch.no_grad():
        logits = trainable.trained_part.eval()(**inputs.batch([0, 1, 2], labels=False)).logits
    assert not torch.allclose(logits[0], logits[1], atol=1e-6)
    assert not torch.allclose(logits[0], logits[2], atol=1e-6)


def test_third_image_raises(folder):
    trainable, features = _pupil(folder, "image-text", PAIRS, Train(freeze_embeddings=True, precision="fp32"))
    inputs = trainable.inputs([replace(features[0], images=("c:1", "c:2", "c:3"))])
    with pytest.raises(DataError, match="3"):
        trainable.trained_part(**inputs.batch([0], labels=False))


def test_masked_images_do_not_change_outputs(folder):
    trainable, features = _pupil(folder, "image-text", PAIRS, Train(freeze_embeddings=True, precision="fp32"))
    tokenizer = load_tokenizer(folder)
    for modality, changed in (
        ("text", {"images": ("c:3",)}),
        ("images", {"ids": features[1].ids, "types": features[1].types}),
    ):
        hidden = hide([features[0], replace(features[0], **changed)], modality, tokenizer)
        inputs = trainable.inputs(hidden)
        with torch.no_grad():
            first, second = trainable.trained_part.eval()(**inputs.batch([0, 1], labels=False)).logits
        torch.testing.assert_close(first, second)


def test_projector_is_transferred_and_head_is_not(folder):
    model = load_fused("image-text", folder, SIGHT, labels=LABELS, seed=0)
    again = load_fused("image-text", folder, SIGHT, labels=LABELS, seed=0)
    other = load_fused("image-text", folder, SIGHT, labels=LABELS, seed=1)
    state = encoder_state(model)
    assert any(name.startswith("image.") for name in state)
    assert all(torch.equal(state[name], encoder_state(again)[name]) for name in state)
    assert not torch.equal(state["image.project.weight"], encoder_state(other)["image.project.weight"])
    assert all(name.startswith("head.") for name in head_parameters(model))
    assert {name.partition(".")[0] for name in fresh_parameters(model)} == {"head", "image"}


def test_freezing_all_layers_trains_only_the_head(folder):
    model = load_fused("image-text", folder, SIGHT, labels=LABELS, seed=0)
    train = Train(frozen_layers=len(layers(model)))
    freeze(model, train)
    encoder, head = split_head(model)
    layer_ids = {id(p) for layer in layers(model) for p in layer.parameters()}
    assert not any(id(p) in layer_ids for p in encoder)
    assert {id(p) for p in head} == {id(p) for p in model.head.parameters()}
    assert boundary(model, train) == SIGHT.layer
    freeze(model, Train(frozen_layers=1))
    encoder, head = split_head(model)
    assert {id(p) for p in model.image.parameters()} <= {id(p) for p in head}
    assert all(any(p is q for q in backbone(model).parameters()) for p in encoder)


def test_captions_of_the_same_image_are_not_negatives(folder):
    trainable, features = _pupil(folder, "image-retrieval", CAPTIONS, Train(freeze_embeddings=True, precision="fp32"))
    inputs = trainable.inputs(features)
    batch = inputs.batch([0, 1, 2], labels=True)
    assert batch["labels"].tolist() == [0, 0, 1]
    with torch.no_grad():
        output = trainable.trained_part.eval()(**batch)
    logits = output.texts @ output.images.T * 20
    rows = [[0, 2], [1, 2], [0, 1, 2]]
    expected = -sum(
        (torch.log_softmax(side[row][rows[row]], 0)[rows[row].index(row)]) / 3
        for side in (logits, logits.T)
        for row in range(3)
    )
    torch.testing.assert_close(output.loss, expected / 2)


def test_retrieval_predictions_follow_the_vectors(folder):
    trainable, features = _pupil(folder, "image-retrieval", CAPTIONS, Train(freeze_embeddings=True, precision="fp32"))
    inputs = trainable.inputs(features)
    with torch.no_grad():
        output = trainable.trained_part.eval()(**inputs.batch([0, 1, 2], labels=False))
    scores = output.texts @ output.images[[0, 2]].T
    actual = predict(trainable.trained_part, inputs, CAPTIONS, ())
    assert [image for image, _ in actual] == [
        1 + int(scores[row, 1 - target] > scores[row, target]) for row, target in enumerate((0, 0, 1))
    ]
    assert [text is None for _, text in actual] == [False, True, False]
