from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.planning.lengths import Lengths, lengths


def test_unmeasured_lengths_state_their_assumption():
    for name in ("qqp", "panx", "ccg", "bucc2018", "mnli", "squad"):
        assert getattr(lengths(name), "assumed", "")
    for name in ("xnli", "pawsx", "udpos", "xquad", "mlqa", "tydiqa", "tatoeba", "anli", "hellaswag", "cosmosqa"):
        assert getattr(lengths(name), "assumed", "no entry") == ""
    assert lengths("nonsense") is None


def test_texts_are_truncated_and_choices_counted():
    choices = Lengths(sample=(10, 200), sequences=4)
    assert list(choices.runs(128)) == [(10, 4), (128, 4)]
    assert choices.mean(128) == (10 + 128) * 4 / 2


@pytest.mark.parametrize(
    ("context", "runs"),
    [(100, [(128, 1)]), (101, [(128, 1), (71, 1)]), (158, [(128, 1), (128, 1)]), (159, [(128, 2), (71, 1)])],
)
def test_windows_over_a_context_overlap_by_a_third(context: int, runs: list[tuple[int, int]]):
    """28 repeated sub-words in a window of 128 leave 100, of which 42 overlap: one window every 58 sub-words."""
    assert list(Lengths(sample=((28, context),)).runs(128)) == [run for run in runs if run[0]]


@given(st.integers(1, 60), st.integers(1, 2000), st.integers(96, 512))
def test_windows_fit_and_cover_the_context(repeated: int, divided: int, max_length: int):
    runs = list(Lengths(sample=((repeated, divided),)).runs(max_length))
    assert all(0 < n <= max_length for n, _ in runs)
    assert sum((n - repeated) * count for n, count in runs) >= divided


@given(st.integers(8, 300), st.integers(8, 300))
def test_mean_length_grows_with_the_limit(first: int, second: int):
    for name in ("xnli", "hellaswag", "udpos"):
        task_lengths = lengths(name)
        assert task_lengths
        assert task_lengths.mean(min(first, second)) <= task_lengths.mean(max(first, second))
        more_choices = replace(task_lengths, sequences=task_lengths.sequences + 1)
        assert more_choices.mean(first) > task_lengths.mean(first)
