from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.tiny import build

from xstilts.fitting.facts import Windows
from xstilts.fitting.states import StateEncoder
from xstilts.models.heads import load_text_encoder, load_tokenizer

SHORT, LONG = ("turn on the light", None), ("turn on the light in the kitchen " * 20, None)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> StateEncoder:
    folder = build("xlm-roberta", tmp_path_factory.mktemp("encoder"))
    return StateEncoder(
        encoder=load_text_encoder(folder).eval(),
        tokenizer=load_tokenizer(folder),
        pooling="mean",
        windows=Windows(tokens=32, overlap=8, most=4),
        precision="fp32",
        name="tiny",
    )


def test_a_vector_does_not_depend_on_other_texts(states):
    alone, together = states.vectors([SHORT])[0], states.vectors([LONG, SHORT, ("the kitchen", None)])[0]
    assert torch.allclose(alone[0], together[1], atol=1e-5)


def test_long_texts_are_read_in_windows(states):
    vectors, cut = states.vectors([SHORT, LONG])
    assert (cut.windowed, cut.truncated) == (1, 1)
    assert (states.cut([SHORT, LONG]).windowed, states.cut([SHORT]).windowed) == (1, 0)
    assert vectors.shape == (2, states.width)


def test_windows_are_weighted_by_their_tokens(states):
    text = ("turn on the light in the kitchen " * 6, None)
    sequences, owners, counts = states._windows([text])
    assert counts[0] == len(sequences) > 1
    parts = torch.stack([states.encoder(**states._batch([one])).last_hidden_state[0].mean(0) for one in sequences])
    weights = torch.tensor([float(len(ids)) for ids, _ in sequences])
    expected = (parts * weights[:, None]).sum(0) / weights.sum()
    assert torch.allclose(states.vectors([text])[0][0], expected, atol=1e-5)
    assert owners == [0] * len(sequences)


def test_pairs_are_one_input(states):
    vectors, cut = states.vectors([("turn on", "the light"), ("turn on", "the kitchen " * 200)])
    assert (cut.windowed, cut.truncated) == (1, 1)
    assert not torch.allclose(vectors[0], vectors[1])


def test_vectors_are_cached_by_text(states, tmp_path: Path):
    cached = replace(states, cache=tmp_path / "vectors")
    first, cut = cached.vectors([SHORT, LONG])
    broken = replace(cached, encoder=None)
    again, cut_again = broken.vectors([LONG, SHORT])
    assert torch.equal(first, again.flip(0))
    assert cut == cut_again
    assert all(b"kitchen" not in file.read_bytes() for file in (tmp_path / "vectors").iterdir())
    with pytest.raises((AttributeError, TypeError)):
        replace(broken, name="other").vectors([SHORT])


def test_no_texts(states):
    assert states.vectors([])[0].shape == (0, states.width)
