from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.splits import assign
from xstilts.formats.words import split_words
from xstilts.problems import Labelled

FRACTIONS = {"train": 0.6, "dev": 0.1, "test": 0.3}
SPLITS = st.lists(st.integers(1, 20), min_size=1, max_size=5).map(
    lambda weights: {f"split{i}": weight / sum(weights) for i, weight in enumerate(weights)}
)


@given(st.text(), SPLITS, st.text())
def test_a_group_falls_into_one_of_the_splits_and_always_the_same(group, fractions, salt):
    assert assign(group, fractions, salt) == assign(group, dict(fractions), salt)
    assert assign(group, fractions, salt) in fractions


@given(st.text(), st.text(min_size=1))
def test_a_split_without_a_share_gets_nothing(group, salt):
    assert assign(group, {"train": 0.0, "test": 1.0, "dev": 0.0}, salt) == "test"


@given(st.text(max_size=5))
def test_shares_are_what_was_asked_for(salt):
    counts = Counter(assign(str(number), FRACTIONS, salt) for number in range(2000))
    for split, fraction in FRACTIONS.items():
        assert abs(counts[split] / 2000 - fraction) < 0.06


@pytest.mark.parametrize(("group", "split"), [("a", "dev"), ("b", "train"), ("ü", "train"), ("k", "test")])
def test_assignments_never_change(group, split):
    """The first twelve digits of `printf 'salt\\0a' | sha256sum`, as a part of what they can be, are 0.638."""
    assert assign(group, FRACTIONS, "salt") == split


@pytest.mark.parametrize("fractions", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(ValueError, match="sum to 1"):
        assign("group", fractions, "salt")


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_words_cover_the_text_in_order(text):
    words = split_words(text)
    assert "".join(word for word, _ in words) == "".join(text.split())
    end = 0
    for word, start in words:
        assert start >= end
        assert text[start : start + len(word)] == word
        end = start + len(word)


@given(st.lists(st.integers(0, 30), min_size=1), st.integers(0, 4))
def test_groups_of_a_task_never_cross_splits(groups, salt):
    found: dict[str, set[str]] = {}
    for number, group in enumerate(groups):
        e = Labelled(id=str(number), group=str(group), language="en", text="x", label="y")
        found.setdefault(e.group, set()).add(assign(e.group, FRACTIONS, str(salt)))
    assert all(len(splits) == 1 for splits in found.values())
