"""Micro-batches give the weights of full batches."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.models.collate import micro_batches
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.inputs import ModelInputs
from xstilts.models.tuning import set_dropout, snapshot
from xstilts.problems import Answer, Choice, Labelled, Span, Tagged
from xstilts.train.fit import Objective, fit

WORDS = ["turn", "on", "the", "light", "in", "the", "kitchen", "what", "is", "the", "weather", "like", "today"]
COMMON = {"group": "", "language": "en"}


def text(number):
    return " ".join(WORDS[: 2 + number])


EXAMPLES = {
    "classification": lambda n: Labelled(id=str(n), text=text(n), label="ab"[n % 2], **COMMON),
    "tagging": lambda n: Tagged(id=str(n), words=tuple(WORDS[: 2 + n]), tags=("a", "b") + ("a",) * n, **COMMON),
    "choice": lambda n: Choice(id=str(n), prompt=text(n), choices=("on", "off"), answer=n % 2, **COMMON),
    "span": lambda n: Span(
        id=str(n), question="what?", context=text(n), answers=(Answer(text="on", start=5),), **COMMON
    ),
}


def plain(encoder, head, train, steps):
    """Descent that does not magnify gradients which are nothing but rounding, as AdamW does."""
    descent = torch.optim.SGD([*encoder, *head], lr=0.1)
    return descent, torch.optim.lr_scheduler.LambdaLR(descent, lambda step: 1.0)


@pytest.mark.parametrize("problem", EXAMPLES)
def test_micro_batches_give_equal_weights(tmp_path, monkeypatch, problem):
    monkeypatch.setattr("xstilts.train.fit.optimiser", plain)
    folder = tiny.build("xlm-roberta", tmp_path)
    tokenizer = load_tokenizer(folder)
    labels = ("a", "b") if problem in ("classification", "tagging") else None
    examples = [EXAMPLES[problem](number) for number in range(11)]
    features = featurise(problem, examples, tokenizer, labels, 32)

    def trained(**settings):
        model = load_with_head(problem, folder, labels=labels, seed=0)
        set_dropout(model, 0.0)
        inputs = ModelInputs(problem=problem, features=features, pad_id=tokenizer.pad_token_id, precision="fp32")
        train = Train(steps=4, batch_size=11, learning_rate=1e-3, precision="fp32", **settings)
        return fit([Objective(model=model, batches=inputs)], [0] * 4, train, seed=0), snapshot(model)

    (full, expected), (split, actual) = trained(), trained(micro_batch_tokens=32)
    assert split.last_loss == pytest.approx(full.last_loss, rel=1e-4)
    for name, weight in expected.items():
        torch.testing.assert_close(actual[name], weight, rtol=1e-3, atol=1e-4)


@given(examples=st.integers(1, 40), length=st.integers(1, 40), tokens=st.integers(1, 400))
def test_micro_batches_contain_every_example_within_the_budget(examples, length, tokens):
    ids = torch.arange(examples * length).view(examples, length)
    actual = micro_batches({"attention_mask": torch.ones_like(ids), "input_ids": ids}, tokens)
    assert torch.equal(torch.cat([batch["input_ids"] for batch in actual]), ids)
    sizes = [len(batch["attention_mask"]) for batch in actual]
    assert all(size == 1 or size * length <= tokens for size in sizes)
    assert len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]
