"""Discriminants are those of scikit-learn, whatever the order and the parts that examples come in."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests import tiny

from xstilts.data.features import featurise
from xstilts.models.discriminant import Discriminant, moments, moments_of, solve
from xstilts.models.heads import load_for, load_tokenizer
from xstilts.models.inputs import ModelInputs
from xstilts.models.pooling import mean_state
from xstilts.models.split import backbone
from xstilts.problems import Labelled, Tagged
from xstilts.train.predict import predict

CLASSES, WIDTH = 4, 6


def cloud(seed, rows=60):
    """Vectors around the means of their classes, far from the origin, as an encoder's are."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(rows) % CLASSES)
    means = random.normal(size=(CLASSES, WIDTH)) * 2
    vectors = 10 + means[labels] + random.normal(size=(rows, WIDTH)) * random.uniform(0.1, 3, WIDTH)
    return torch.tensor(vectors, dtype=torch.float32), torch.tensor(labels)


@pytest.mark.parametrize("shrinkage", [0.02, 0.1, 1.0])
def test_probabilities_are_those_of_scikit_learn(shrinkage):
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    weight, bias = solve(moments_of(vectors, labels, CLASSES), shrinkage)
    theirs = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
    theirs.fit(vectors.double().numpy(), labels.numpy())
    ours = (others @ weight.T + bias).softmax(-1)
    np.testing.assert_allclose(ours, theirs.predict_proba(others.double().numpy()), atol=1e-4)


@given(seed=st.integers(0, 1000), cut=st.integers(1, 59))
@settings(max_examples=20, deadline=None)
def test_parts_add_up_in_any_order(seed, cut):
    vectors, labels = cloud(seed)
    parts = [moments_of(vectors[part], labels[part], CLASSES) for part in (slice(cut, None), slice(cut))]
    for ours, whole in zip(
        solve(parts[0] + parts[1], 0.1), solve(moments_of(vectors, labels, CLASSES), 0.1), strict=True
    ):
        torch.testing.assert_close(ours, whole, rtol=1e-3, atol=1e-3)


def test_a_class_without_examples_is_never_predicted():
    vectors, labels = cloud(0)
    weight, bias = solve(moments_of(vectors, labels, CLASSES + 1), 0.1)
    assert (vectors @ weight.T + bias).isfinite().all()
    assert (vectors @ weight.T + bias).argmax(-1).max() < CLASSES


def test_one_example_a_class_is_the_nearest_mean():
    vectors, labels = cloud(0, rows=CLASSES)
    weight, bias = solve(moments_of(vectors, labels, CLASSES), 0.1)
    others, _ = cloud(1)
    scale = vectors.std(0, correction=0)
    nearest = labels[torch.cdist(others / scale, vectors / scale).argmin(-1)]
    assert ((others @ weight.T + bias).argmax(-1) == nearest).all()


TEXTS = [f"one two {word} four" for word in ("red", "blue", "green", "red red", "blue blue", "green green")] * 3
COLOURS = ["red", "blue", "green"] * 6


@pytest.fixture
def encoder(tmp_path):
    folder = tiny.build("xlm-roberta", tmp_path)
    labels = tuple(sorted(set(COLOURS)))
    return load_for("classification", folder, labels=labels, seed=0), load_tokenizer(folder), labels


def feed_of(problem, examples, tokenizer, labels):
    features = featurise(problem, examples, tokenizer, labels, 32)
    return ModelInputs(problem=problem, features=features, pad_id=tokenizer.pad_token_id, precision="fp32")


def test_a_text_is_the_mean_of_its_states(encoder):
    model, tokenizer, labels = encoder
    examples = [
        Labelled(id=str(n), group="", language="en", text=text, label=label)
        for n, (text, label) in enumerate(zip(TEXTS, COLOURS, strict=True))
    ]
    inputs = feed_of("classification", examples, tokenizer, labels)
    batch = inputs.batch(range(len(examples)), labels=True)
    numbers = batch.pop("labels")
    with torch.no_grad():
        states = backbone(model)(**batch).last_hidden_state
    expected = moments_of(mean_state(states, batch["attention_mask"]), numbers, len(labels))
    found = moments(model, inputs, len(labels))
    torch.testing.assert_close(found.sums, expected.sums, rtol=1e-4, atol=1e-4)
    weight, bias = solve(found, 0.1)
    predicted = predict(Discriminant(backbone(model), "classification", weight, bias), inputs, examples, labels)
    assert predicted == COLOURS


def test_every_word_is_tagged_by_the_state_of_its_first_subword(encoder):
    model, tokenizer, labels = encoder
    examples = [
        Tagged(
            id=str(n),
            group="",
            language="en",
            words=("red", "blue", "green", "red"),
            tags=("red", "blue", "green", "red"),
        )
        for n in range(2)
    ]
    inputs = feed_of("tagging", examples, tokenizer, labels)
    found = moments(model, inputs, len(labels))
    assert found.counts.tolist() == [2, 2, 4]
    model = Discriminant(backbone(model), "tagging", *solve(found, 0.1))
    assert predict(model, inputs, examples, labels) == [list(e.tags) for e in examples]
