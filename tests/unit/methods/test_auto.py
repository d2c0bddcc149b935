from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.recipe import FROZEN
from xstilts.methods import METHODS
from xstilts.methods.auto import Auto, AutoSelection, Candidate, select

EVEN = [0.0, 1.0] * 10
"""Twenty groups, half of them right."""
ALL = [1.0] * 20


def test_every_other_method_and_frozen_can_be_a_candidate():
    assert {*get_args(Candidate)} == {*METHODS, FROZEN} - {"auto"}


@pytest.mark.parametrize(
    ("english", "left_out", "selected"),
    [
        ({"frozen": EVEN, "full": EVEN}, {}, ("frozen", "frozen")),
        ({"frozen": EVEN, "full": ALL}, {}, ("full", "full")),
        # one group of twenty is one standard error
        ({"frozen": [0.0, *ALL[1:]], "full": ALL}, {}, ("frozen", "frozen")),
        ({"frozen": [0.0, 0.0, 0.0, *ALL[3:]], "full": ALL}, {}, ("full", "full")),
        ({"frozen": EVEN, "full": EVEN}, {"frozen": EVEN, "full": ALL}, ("full", "frozen")),
        ({"frozen": EVEN, "full": ALL}, {"frozen": ALL, "full": EVEN}, ("frozen", "full")),
        ({"frozen": EVEN, "full": ALL}, {"frozen": ALL, "full": [0.0, *ALL[1:]]}, ("full", "full")),
        ({}, {"logreg": EVEN, "full": ALL}, ("full", "logreg")),
    ],
)
def test_selection(english, left_out, selected):
    assert select(english, left_out) == selected


SCORES = st.lists(st.integers(0, 4), min_size=6, max_size=6).map(lambda values: [value / 4 for value in values])


@given(st.lists(SCORES, min_size=2, max_size=4), st.lists(SCORES, min_size=4, max_size=4))
def test_a_candidate_that_is_best_everywhere_and_first_is_always_selected(english, left_out):
    best = [1.0] * 6
    names = ["first", *map(str, range(len(english)))]
    scores = [dict(zip(names, [best, *part[: len(english)]], strict=True)) for part in (english, left_out)]
    assert select(*scores) == ("first", "first")


def test_left_out_shots_promise_more_than_english():
    selection = AutoSelection(
        candidate="full", default="frozen", metric="accuracy", english={"full": 0.9}, left_out={"full": 0.6}, groups=9
    )
    assert selection.expected == 0.6
    assert selection.model_copy(update={"left_out": {}}).expected == 0.9


@pytest.mark.parametrize("candidates", [["full"], ["full", "auto"], ["full", "magic"]])
def test_candidates_are_at_least_two_other_methods(candidates):
    with pytest.raises(ValueError, match="candidates"):
        Auto.model_validate({"candidates": candidates})
