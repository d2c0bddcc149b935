"""Gradient checkpointing gives equal weights and saves memory."""

import pytest
import torch
from tests import tiny
from torch import nn

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.tokenised import token_ids
from xstilts.errors import UserError
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.speed.episode_batch import can_batch_episodes
from xstilts.models.tuning import enable_gradient_checkpointing, snapshot
from xstilts.problems import Labelled
from xstilts.stages.training import make_trainable
from xstilts.train.fit import Objective, fit

EXAMPLES = [
    Labelled(id=str(n), text=sentence, label="ab"[n % 2], group="", language="en")
    for n, sentence in enumerate(tiny.SENTENCES)
]


def pupil_of(folder, **settings):
    tokenizer = load_tokenizer(folder)
    features = featurise("classification", EXAMPLES, tokenizer, ("a", "b"), 32)
    settings = {"steps": 3, "batch_size": 4, "learning_rate": 1e-3, "precision": "fp32", "dropout": 0.2} | settings
    train = Train(**settings)
    model = load_with_head("classification", folder, labels=("a", "b"), seed=0)
    trainable = make_trainable(model, "classification", tokenizer, train, "cpu", lambda: token_ids(features))
    return trainable, trainable.inputs(features)


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize(("frozen", "precision"), [(0, "fp32"), (1, "bf16")])
def test_gradient_checkpointing_gives_equal_weights(tmp_path, kind, frozen, precision):
    folder = tiny.build(kind, tmp_path, layers=3)

    def trained(again):
        trainable, inputs = pupil_of(folder, frozen_layers=frozen, precision=precision, gradient_checkpointing=again)
        fitted = fit([Objective(model=trainable.trained_part, batches=inputs)], [0] * 3, trainable.train, seed=0)
        return fitted, snapshot(trainable.trained_part)

    (once, expected), (again, actual) = trained(None), trained(True)
    assert again == once
    assert all(torch.equal(actual[name], weight) for name, weight in expected.items())


def test_gradient_checkpointing_saves_memory(tmp_path):
    folder = tiny.build("bert", tmp_path, layers=3)

    def held(again):
        trainable, inputs = pupil_of(folder, gradient_checkpointing=again)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.nbytes) or t, lambda t: t):
            trainable.trained_part.train()(**inputs.batch([0, 1, 2, 3], labels=True))
        return sum(sizes)

    assert held(True) < held(None) / 2


def test_gradient_checkpointing_prevents_episode_batches(tmp_path):
    folder = tiny.build("bert", tmp_path, layers=3)
    for again, expected in ((None, True), (True, False)):
        trainable, _ = pupil_of(folder, frozen_layers=1, gradient_checkpointing=again)
        trainable.trained_part.bert.requires_grad_(False)
        assert can_batch_episodes(trainable.trained_part, "classification") is expected


def test_architecture_without_gradient_checkpointing_raises(tmp_path, monkeypatch):
    model = load_with_head("classification", tiny.build("bert", tmp_path), labels=("a", "b"), seed=0)
    model.bert.encoder.layer[1] = nn.Identity()
    with pytest.raises(UserError, match="bert"):
        enable_gradient_checkpointing(model)
