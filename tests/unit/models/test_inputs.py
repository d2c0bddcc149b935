import pytest
import torch
from tests.tiny import build

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.tokenised import token_ids
from xstilts.models import inputs as all_inputs
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.speed import activations
from xstilts.problems import Answer, Choice, Labelled, Span, Tagged
from xstilts.stages.training import make_trainable

PLACE = {"group": "g", "language": "en"}
EXAMPLES = {
    "classification": [
        Labelled(id="1", text="turn on the light", pair="in the kitchen today", label="a", **PLACE),
        Labelled(id="2", text="weather", pair="today", label="b", **PLACE),
    ],
    "choice": [
        Choice(id="1", prompt="the light", choices=("on", "in the kitchen"), answer=0, **PLACE),
        Choice(id="2", prompt="what is the weather like", choices=("today", "light"), answer=1, **PLACE),
    ],
    "tagging": [
        Tagged(id="1", words=("turn", "on", "the", "light"), tags=("a", "a", "b", "b"), **PLACE),
        Tagged(id="2", words=("weather",), tags=("a",), **PLACE),
    ],
    "span": [
        Span(
            id="1",
            question="what?",
            context="the light in the kitchen",
            answers=(Answer(text="light", start=4),),
            **PLACE,
        ),
        Span(id="2", question="where is it?", context="today", answers=(), **PLACE),
    ],
}


@pytest.mark.parametrize("problem", list(EXAMPLES))
@pytest.mark.parametrize("kind", ["xlm-roberta", "bert"])
@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_cached_activations_give_equal_outputs(problem, kind, frozen, tmp_path, monkeypatch):
    folder = build(kind, tmp_path)
    tokenizer = load_tokenizer(folder)
    labels = ("a", "b") if problem in ("classification", "tagging") else None
    train = Train(frozen_layers=frozen, freeze_embeddings=True, precision="fp32")
    model = load_with_head(problem, folder, labels=labels, seed=0)
    features = featurise(problem, EXAMPLES[problem], tokenizer, labels, 32)
    trainable = make_trainable(model, problem, tokenizer, train, "cpu", lambda: token_ids(features))
    cached = trainable.inputs(features)
    assert cached.activations is not None
    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    streamed = trainable.inputs(features)
    assert streamed.activations is None
    full = all_inputs.collate(problem, features, tokenizer.pad_token_id, labels=True)
    with torch.no_grad():
        expected = model.eval()(**full)
        for inputs in (cached, streamed):
            actual = trainable.trained_part.eval()(**inputs.batch([0, 1], labels=True))
            if problem == "span":  # its loss reads padding, whose activations are not kept
                scored = full["attention_mask"].bool()
                assert torch.allclose(actual.start_logits[scored], expected.start_logits[scored], atol=1e-5)
            else:
                assert torch.allclose(actual.loss, expected.loss, atol=1e-5)
    assert [f.example for f in cached.subset([1]).features] == [1]
