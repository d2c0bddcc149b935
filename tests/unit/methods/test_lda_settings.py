import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.methods.discriminant import moments
from xstilts.methods.lda import MEDIUM, SHOTS_WEIGHT, Lda
from xstilts.methods.leave_one_out import Rows

CLASSES, WIDTH = 3, 20


def rows(count, noise, seed, scale=1.0):
    """Classes that differ in the first dimension only; the others are noise that is not needed."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(CLASSES).repeat(count)
    vectors = torch.randn(len(labels), WIDTH, generator=generator)
    vectors[:, 0] = labels * scale + noise * vectors[:, 0]
    return vectors, labels


def select(method, shots, english, english_rows=None):
    """Shots are groups of their own unless English rows are given, which then are translations of the first shots."""
    vectors, labels = shots
    shared = (
        Rows(vectors[:0], labels[:0], []) if english_rows is None else Rows(*english_rows, numbers(english_rows[1]))
    )
    return method.select(Rows(vectors, labels, numbers(labels)), english, lambda: shared)


def numbers(labels):
    return [str(number) for number in range(len(labels))]


def test_the_defaults_stay_unless_others_are_clearly_better():
    english = moments(*rows(40, 1.0, 0), CLASSES)
    kept = select(Lda(), rows(5, 1.0, 1), english)
    assert kept is not None and (kept.shrinkage, kept.shots_weight) == (MEDIUM, SHOTS_WEIGHT)
    assert (kept.rows, kept.loss) == (15, kept.default_loss)


def test_low_shrinkage_is_selected_where_one_direction_decides():
    shots, english = rows(12, 0.02, 1, scale=0.3), moments(*rows(100, 0.02, 0, scale=0.3), CLASSES)
    selected = select(Lda(), shots, english)
    assert selected is not None and selected.shrinkage == 0.1 and selected.loss < selected.default_loss
    head = Lda().with_settings(selected).fit(moments(*shots, CLASSES), english, CLASSES)
    expected = Lda(shrinkage=0.1, shots_weight=selected.shots_weight).fit(moments(*shots, CLASSES), english, CLASSES)
    assert torch.equal(head["weight"], expected["weight"])


def test_shots_count_more_where_english_misleads():
    vectors, labels = rows(60, 0.3, 0)
    english = moments(vectors, (labels + 1) % CLASSES, CLASSES)
    selected = select(Lda(shrinkage=0.6), rows(16, 0.3, 1), english)
    assert selected is not None and (selected.shrinkage, selected.shots_weight) == (0.6, 10.0)


@given(count=st.integers(1, 3))
@settings(max_examples=3)
def test_few_shots_select_nothing(count):
    assert select(Lda(), rows(count, 1.0, 1), moments(*rows(40, 1.0, 0), CLASSES)) is None


def test_explicit_settings_select_nothing():
    fixed = Lda(shrinkage=0.3, shots_weight=2.0)
    assert select(fixed, rows(8, 1.0, 1), moments(*rows(40, 1.0, 0), CLASSES)) is None


def test_shots_without_english_select_the_shrinkage_alone():
    selected = select(Lda(), rows(8, 0.02, 1, scale=0.3), None)
    assert selected is not None and selected.shots_weight == SHOTS_WEIGHT


def test_a_translation_in_english_leaves_with_its_shot():
    """English rows that equal the shots would predict them; without them the labels are unpredictable."""
    generator = torch.Generator().manual_seed(3)
    vectors, labels = torch.randn(45, 100, generator=generator), torch.arange(CLASSES).repeat(15)
    english = moments(vectors, labels, CLASSES)
    fixed = Lda(shrinkage=0.1)
    leaking = select(fixed, (vectors, labels), english)
    honest = select(fixed, (vectors, labels), english, (vectors, labels))
    assert leaking.accuracy > 0.8 and honest.accuracy < 0.6
