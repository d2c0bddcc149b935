"""Features from disk are those that were written."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import tiny
from tests.unit.models.test_inputs import EXAMPLES

from xstilts.data.features import featurise
from xstilts.data.tokenised import TokenisedFeatures, feature_lengths, token_ids, write_features
from xstilts.models.heads import load_tokenizer
from xstilts.problems.features import Feature

TOKENS = st.lists(st.integers(0, 250_001), min_size=1, max_size=6)


def stored(folder, problem, chunks):
    write_features(folder / "features.arrow", chunks)
    return TokenisedFeatures(folder / "features.arrow", problem)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("kind", ["xlm-roberta", "bert"])
@pytest.mark.parametrize("problem", EXAMPLES)
def test_every_problem_comes_back(tmp_path, problem, kind, labelled):
    tokenizer = load_tokenizer(tiny.build(kind, tmp_path))
    labels = ("a", "b") if labelled and problem in ("classification", "tagging") else None
    expected = featurise(problem, EXAMPLES[problem], tokenizer, labels, 16)
    features = stored(tmp_path, problem, [(0, expected)])
    assert list(features) == expected and features[-1] == expected[-1] and features[:1] == expected[:1]
    assert feature_lengths(features) == feature_lengths(expected) and token_ids(features) == token_ids(expected)
    with pytest.raises(IndexError):
        features[len(expected)]


@st.composite
def features(draw, problem, types):
    ids = tuple(draw(st.lists(TOKENS, min_size=1, max_size=3 if problem == "choice" else 1)))
    size = len(ids[0])
    target, words, offsets = draw(st.integers(0, 40)), (), ()
    if problem == "tagging":
        target, words = (
            draw(st.lists(st.integers(-100, 9), min_size=size, max_size=size)),
            ((0, draw(st.integers(0, 9))),),
        )
    if problem == "span":
        target = (draw(st.integers(0, 9)), draw(st.integers(0, 9)))
        pair = st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99))
        offsets = tuple(draw(st.lists(pair, min_size=size, max_size=size)))
    shown = tuple([number % 2] * len(row) for number, row in enumerate(ids)) if types else None
    return Feature(example=0, ids=ids, types=shown, target=target, words=words, offsets=offsets)


@settings(max_examples=60)
@given(data=st.data(), problem=st.sampled_from(["classification", "choice", "tagging", "span"]), types=st.booleans())
def test_parts_follow_each_other(data, problem, types):
    parts = data.draw(st.lists(st.lists(features(problem, types), min_size=1, max_size=4), min_size=1, max_size=3))
    with tempfile.TemporaryDirectory() as folder:
        found = stored(Path(folder), problem, [(10 * number, part) for number, part in enumerate(parts)])
        flat = [feature for part in parts for feature in part]
        assert [(f.ids, f.types, f.target, f.words, f.offsets) for f in found] == [
            (f.ids, f.types, f.target, f.words, f.offsets) for f in flat
        ]
        assert [f.example for f in found] == [10 * number for number, part in enumerate(parts) for _ in part]
        assert feature_lengths(found) == feature_lengths(flat) and token_ids(found, flat) == token_ids(flat)
