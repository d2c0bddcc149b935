"""A classifier on frozen states of a tiny encoder."""

import pytest
import torch
from tests import tiny

from xstilts.data.features import featurise
from xstilts.methods.discriminant import moments
from xstilts.methods.lda import Lda
from xstilts.models.frozen_states import FrozenStatesModel, labelled_states
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.inputs import ModelInputs
from xstilts.models.pooling import mean_state
from xstilts.models.split import backbone
from xstilts.problems import Labelled, Tagged
from xstilts.train.predict import predict

TEXTS = [f"one two {word} four" for word in ("red", "blue", "green", "red red", "blue blue", "green green")] * 3
COLOURS = ["red", "blue", "green"] * 6


@pytest.fixture
def encoder(tmp_path):
    folder = tiny.build("xlm-roberta", tmp_path)
    labels = tuple(sorted(set(COLOURS)))
    return load_with_head("classification", folder, labels=labels, seed=0), load_tokenizer(folder), labels


def feed_of(problem, examples, tokenizer, labels):
    features = featurise(problem, examples, tokenizer, labels, 32)
    return ModelInputs(problem=problem, features=features, pad_id=tokenizer.pad_token_id, precision="fp32")


def test_classification_uses_mean_states(encoder):
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
    expected = moments(mean_state(states, batch["attention_mask"]), numbers, len(labels))
    summary = Lda().summarise(labelled_states(model, inputs, "mean"), len(labels))
    torch.testing.assert_close(summary.sums, expected.sums, rtol=1e-4, atol=1e-4)
    head = Lda().fit(summary, None, len(labels))
    assert (
        predict(FrozenStatesModel(backbone(model), "classification", "mean", Lda(), head), inputs, examples, labels)
        == COLOURS
    )


def test_tagging_uses_the_first_sub_word_of_each_word(encoder):
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
    summary = Lda().summarise(labelled_states(model, inputs, "mean"), len(labels))
    assert summary.counts.tolist() == [2, 2, 4]
    model = FrozenStatesModel(backbone(model), "tagging", "mean", Lda(), Lda().fit(summary, None, len(labels)))
    assert predict(model, inputs, examples, labels) == [list(e.tags) for e in examples]
