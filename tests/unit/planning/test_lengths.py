from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.planning.lengths import Lengths, lengths


def test_what_was_not_measured_says_what_it_is_taken_to_be():
    for name in ("qqp", "panx", "ccg", "bucc2018", "mnli", "squad"):
        assert getattr(lengths(name), "assumed", "")
    for name in ("xnli", "pawsx", "udpos", "xquad", "mlqa", "tydiqa", "tatoeba", "anli", "hellaswag", "cosmosqa"):
        assert getattr(lengths(name), "assumed", "no entry") == ""
    assert lengths("nonsense") is None


def test_texts_are_cut_and_choices_read_each():
    found = Lengths(sample=(10, 200), sequences=4)
    assert list(found.runs(128)) == [(10, 4), (128, 4)]
    assert found.mean(128) == (10 + 128) * 4 / 2


@pytest.mark.parametrize(
    ("context", "runs"),
    [(100, [(128, 1)]), (101, [(128, 1), (71, 1)]), (158, [(128, 1), (128, 1)]), (159, [(128, 2), (71, 1)])],
)
def test_windows_over_a_context_overlap_by_a_third(context: int, runs: list[tuple[int, int]]):
    """28 sub-words in every window of 128 leave room for 100, of which 42 are met again: a window every 58."""
    assert list(Lengths(sample=((28, context),)).runs(128)) == [run for run in runs if run[0]]


@given(st.integers(1, 60), st.integers(1, 2000), st.integers(96, 512))
def test_no_window_is_too_long_and_every_sub_word_is_in_one(repeated: int, divided: int, max_length: int):
    runs = list(Lengths(sample=((repeated, divided),)).runs(max_length))
    assert all(0 < n <= max_length for n, _ in runs)
    assert sum((n - repeated) * count for n, count in runs) >= divided


@given(st.integers(8, 300), st.integers(8, 300))
def test_a_longer_limit_reads_no_less(one: int, other: int):
    for name in ("xnli", "hellaswag", "udpos"):
        found = lengths(name)
        assert found and found.mean(min(one, other)) <= found.mean(max(one, other))
        assert replace(found, sequences=found.sequences + 1).mean(one) > found.mean(one)
