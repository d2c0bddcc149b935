from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.fitting.folds import fold_count, stratified_group_folds

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12).map(str)), min_size=1, max_size=60)


@given(ROWS, st.integers(2, 10))
def test_groups_are_never_split(rows, folds):
    strata, groups = zip(*rows, strict=True)
    result = stratified_group_folds(strata, groups, folds)
    by_group: dict[str, set[int]] = {}
    for group, fold in zip(groups, result, strict=True):
        by_group.setdefault(group, set()).add(fold)
    assert all(len(numbers) == 1 for numbers in by_group.values())
    assert len(set(result)) <= min(folds, len(set(groups)))


@given(ROWS, st.randoms())
def test_order_of_rows_does_not_matter(rows, random):
    strata, groups = zip(*rows, strict=True)
    shuffled = random.sample(range(len(rows)), len(rows))
    result = stratified_group_folds(strata, groups)
    again = stratified_group_folds([strata[row] for row in shuffled], [groups[row] for row in shuffled])
    assert [result[row] for row in shuffled] == again


def test_every_fold_has_its_share_of_each_class():
    strata = ["a"] * 40 + ["b"] * 20
    folds = stratified_group_folds(strata, [str(row) for row in range(60)], 10)
    counts = Counter(zip(folds, strata, strict=True))
    assert {counts[fold, "a"] for fold in range(10)} == {4}
    assert {counts[fold, "b"] for fold in range(10)} == {2}


@pytest.mark.parametrize(
    ("counts", "folds"), [((4, 4), 4), ((16, 16, 16), 8), ((30,), 10), ((2, 2), 10), ((13, 13), 10), ((4, 8), 10)]
)
def test_equal_classes_are_left_out_equally(counts, folds):
    strata = [str(label) for label, count in enumerate(counts) for _ in range(count)]
    assert fold_count(strata) == folds
