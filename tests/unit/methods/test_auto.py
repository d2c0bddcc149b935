from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.recipe import FROZEN
from xstilts.methods import METHODS
from xstilts.methods.auto import CLOSED_FORM, FROZEN_ENCODER, Auto, AutoSelection, Candidate, select
from xstilts.problems import PROBLEMS

EVEN = [0.0, 1.0] * 10
"""Twenty groups, half of them right."""
ALL = [1.0] * 20


def test_every_other_method_and_frozen_can_be_a_candidate():
    assert {*get_args(Candidate)} == {*METHODS, FROZEN} - {"auto"}


def test_the_order_without_shots_knows_which_heads_are_fitted_to_english():
    assert set(CLOSED_FORM) == {name for name, method in METHODS.items() if method.fits_english and name != "auto"}
    assert FROZEN_ENCODER == FROZEN


ONE_WRONG, THREE_WRONG, FIVE_WRONG = ([0.0] * wrong + ALL[wrong:] for wrong in (1, 3, 5))
"""Of twenty groups: 1.0, 1.8 and 2.5 standard errors."""
NAMES = ("frozen", "logreg", "full")


def scores(*values):
    return dict(zip(NAMES, values, strict=False))


@pytest.mark.parametrize(
    ("english", "left_out", "shots", "selected"),
    [
        (scores(EVEN, EVEN, EVEN), {}, 0, ("frozen", "frozen")),
        (scores(THREE_WRONG, EVEN, ALL), {}, 0, ("frozen", "frozen")),
        (scores(FIVE_WRONG, EVEN, ALL), {}, 0, ("full", "full")),
        (scores(FIVE_WRONG, ALL, ONE_WRONG), {}, 0, ("full", "full")),
        (scores(EVEN, ALL, FIVE_WRONG), {}, 0, ("logreg", "logreg")),
        (scores(FIVE_WRONG, EVEN, ALL), {}, 4, ("logreg", "logreg")),
        (scores(ONE_WRONG, EVEN, ALL), {}, 4, ("frozen", "frozen")),
        (scores(EVEN, EVEN, EVEN), scores(EVEN, EVEN, ALL), 4, ("full", "frozen")),
        (scores(EVEN, ALL, ALL), scores(ALL, EVEN, EVEN), 4, ("frozen", "logreg")),
        (scores(EVEN, ALL, ALL), scores(ALL, ONE_WRONG, EVEN), 4, ("logreg", "logreg")),
        ({}, scores(EVEN, ALL), 4, ("logreg", "frozen")),
        ({}, {}, 4, ("frozen", "frozen")),
    ],
)
def test_selection(english, left_out, shots, selected):
    assert select(NAMES, english, left_out, shots) == selected


SCORES = st.lists(st.integers(0, 4), min_size=6, max_size=6).map(lambda values: [value / 4 for value in values])


@given(st.lists(SCORES, min_size=2, max_size=2), st.lists(SCORES, min_size=2, max_size=2), st.integers(0, 1))
def test_the_frozen_encoder_is_selected_if_it_is_best_everywhere(english, left_out, shots):
    best = [1.0] * 6
    assert select(NAMES, scores(best, *english), scores(best, *left_out), shots) == ("frozen", "frozen")


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


@pytest.mark.parametrize(
    ("candidates", "problem", "applies"),
    [
        (("frozen", "logreg"), "classification", True),
        (("frozen", "logreg"), "choice", False),
        (("frozen", "full"), "choice", True),
        (("frozen", "full"), "span", True),
        (("logreg", "knn"), "multi-label", False),
        (("frozen", "full"), "image-retrieval", False),
    ],
)
def test_a_candidate_besides_frozen_must_suit_the_problem(candidates, problem, applies):
    assert Auto(candidates=candidates).applies_to(PROBLEMS[problem]) is applies
