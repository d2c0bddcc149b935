"""The shipped encoder against the engine of the package whose weights it reads."""

import platform
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.golden.e5_engine import SENTENCES
from tokenizers import Tokenizer

from xstilts.cache.wheels import cache_dir, wheel_path
from xstilts.encoders import find_card
from xstilts.encoders.fetch import prepare
from xstilts.models.heads import load_backbone, load_tokenizer, load_with_head

FROZEN = Path(__file__).with_name("e5_small.npy")


@pytest.fixture(scope="module")
def folder():
    return prepare("e5-small", cache=cache_dir(), offline=False)


@pytest.fixture(scope="module")
def embeddings(folder):
    """[sentences, 384]: mean over all tokens of the last layer, normalised; one padded batch."""
    tokenizer, encoder = load_tokenizer(folder), load_backbone(folder)
    texts = [find_card("e5-small").query_prefix + sentence for sentence in SENTENCES]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = encoder(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)).numpy()


def cosines(one, other):
    other = other.astype(np.float32)
    return (one * other).sum(1) / np.linalg.norm(other, axis=1)


def test_sentences_are_in_at_least_eight_scripts():
    scripts = {unicodedata.name(letter).split()[0] for text in SENTENCES for letter in text if letter.isalpha()}
    assert len(SENTENCES) == 20
    assert len(scripts) >= 8


def test_embeddings_agree_with_what_the_engine_gave(embeddings):
    found = cosines(embeddings, np.load(FROZEN))
    assert found.min() >= 0.999, dict(zip(SENTENCES, found, strict=True))


def test_embeddings_tell_sentences_apart(embeddings):
    """So that agreement is not that of any embedding with any other."""
    others = embeddings @ np.load(FROZEN).astype(np.float32).T
    np.fill_diagonal(others, 0)
    assert others.max() < 0.95


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the engine is built for Linux on x86_64"
)
def test_embeddings_agree_with_the_engine_on_this_machine(embeddings, tmp_path):
    wheel = wheel_path(find_card("e5-small").wheels[0], cache=cache_dir(), offline=False)
    out = tmp_path / "engine.npy"
    command = [sys.executable, "-m", "tests.golden.e5_engine", str(wheel), str(out)]
    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    if run.returncode < 0:
        pytest.skip(f"the engine died of signal {-run.returncode}: this processor lacks what it is compiled for")
    assert run.returncode == 0, run.stderr
    assert cosines(embeddings, np.load(out)).min() >= 0.999


def test_the_tokenizer_is_the_shipped_one(folder):
    fast, plain = load_tokenizer(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    for first, second in pairwise(SENTENCES):
        assert fast(first)["input_ids"] == plain.encode(first).ids
        assert fast(first, second)["input_ids"] == plain.encode(first, second).ids
    assert fast("a", "b").tokens() == ["<s>", "▁a", "</s>", "</s>", "▁b", "</s>"]
    assert "token_type_ids" not in fast("a", "b")
    assert len(fast("word " * 600, truncation=True)["input_ids"]) == 512
    assert fast.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]) == [0, 1, 2, 3, 250001]


def test_sizes_are_those_of_the_card(folder):
    card, model = find_card("e5-small"), load_with_head("classification", folder, labels=("a", "b"), seed=0)
    words = model.get_parameter("bert.embeddings.word_embeddings.weight")
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (card.layers, card.hidden)
    assert words.numel() == card.embedding_parameters
    assert sum(parameter.numel() for parameter in load_backbone(folder).parameters()) == card.parameters
