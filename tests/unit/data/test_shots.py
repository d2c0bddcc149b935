from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.data.shots import draw
from xstilts.errors import DataError
from xstilts.problems import Labelled, Tagged


def pool(per_class: int = 6, classes: str = "abc", groups: int = 3) -> list[Labelled]:
    return [
        Labelled(id=f"{label}{n}", group=f"{label}-g{n % groups}", language="xx", text="t", label=label)
        for label in classes
        for n in range(per_class)
    ]


@given(small=st.integers(1, 6), more=st.integers(0, 4), number=st.integers(0, 20))
def test_draws_are_stratified_and_nested(small, more, number):
    few, many = draw(pool(), small, number), draw(pool(), small + more, number)
    assert Counter(e.label for e in few) == dict.fromkeys("abc", small)
    assert {e.id for e in few} <= {e.id for e in many}


def test_a_draw_does_not_depend_on_the_order_of_the_pool():
    assert {e.id for e in draw(pool(), 2, 0)} == {e.id for e in draw(pool()[::-1], 2, 0)}


def test_draws_differ():
    assert len({tuple(e.id for e in draw(pool(per_class=20), 2, number)) for number in range(5)}) == 5


def test_shots_come_from_different_groups_first():
    shots = draw(pool(per_class=9, groups=3), 3, 0)
    assert Counter(e.group for e in shots).most_common(1)[0][1] == 1


def test_a_small_class_gives_all_its_examples():
    scarce = pool(per_class=6, classes="a") + pool(per_class=2, classes="b")
    assert Counter(e.label for e in draw(scarce, 4, 0)) == {"a": 4, "b": 2}


def test_too_few_examples_are_an_error():
    sentences = [Tagged(id=str(n), group=str(n), language="xx", words=("w",), tags=("O",)) for n in range(3)]
    assert len(draw(sentences, 3, 0)) == 3
    with pytest.raises(DataError, match=r"4 .*3 "):
        draw(sentences, 4, 0)
    with pytest.raises(DataError, match="no examples"):
        draw([], 1, 0)


@given(small=st.integers(1, 3), more=st.integers(0, 3), number=st.integers(0, 20))
def test_group_shots_contain_k_whole_groups_and_are_nested(small, more, number):
    questions = pool(groups=2)  # of three examples each
    few, many = draw(questions, small, number, "group"), draw(questions[::-1], small + more, number, "group")
    assert list(Counter(e.group for e in few).values()) == [3] * small
    assert {e.id for e in few} <= {e.id for e in many}


def test_too_few_groups_are_an_error():
    assert len(draw(pool(groups=2), 6, 0, "group")) == 18
    with pytest.raises(DataError, match=r"7 .*6 "):
        draw(pool(groups=2), 7, 0, "group")
