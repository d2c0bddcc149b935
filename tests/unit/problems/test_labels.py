"""Labels that differ in spelling alone have one common form; others do not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.problems.labels import common_form, compare_labels, spelling_variants

WORDS = st.text(st.characters(categories=("Ll", "Lo")), min_size=1, max_size=8).filter(
    lambda text: common_form(text) == text and all(c.upper().casefold() == c == c.title().casefold() for c in text)
)


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("positive", "Positive"),
        ("positive", "positive\u200b"),
        ("positive", "\ufeffposi\u00adtive "),
        ("positive", "ｐｏｓｉｔｉｖｅ"),
        ("café", "cafe\u0301"),
        ("very good", "very\u00a0 good"),
        ("positive", "['positive']"),
        ("positive", '["positive"]'),
        ("positive", "[positive]"),
        ("positive", '"positive"'),
        ("1", "1.0"),
        ("1", "01"),
        ("1", "true"),
        ("0", "False"),
        ("0", "-0.0"),
        ("2.5", "+2.50"),
        ("3", "٣"),
        ("straße", "STRASSE"),
        ("İyi", "i\u0307yi"),
    ],
)
def test_spelling_alone(label, other):
    assert common_form(label) == common_form(other)
    assert compare_labels([other], [label]).respelled == {other: label}


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("1", "10"),
        ("1", "-1"),
        ("1", "1.5"),
        ("positive", "positives"),
        ("chanya", "hasi"),
        ("yes", "1"),
        ("a b", "ab"),
    ],
)
def test_other_labels(label, other):
    assert common_form(label) != common_form(other)
    differences = compare_labels([other], [label])
    assert differences.new == (other,) and differences.absent == (label,) and differences.disjoint


@given(WORDS, st.sampled_from([str.upper, str.title, "[{}]".format, " {}\u200d".format, "'{}'".format]))
def test_any_word_in_any_spelling(word, spell):
    assert common_form(spell(word)) == common_form(unicodedata.normalize("NFD", word))


@given(st.text(max_size=12))
def test_the_common_form_is_that_of_itself(text):
    assert common_form(common_form(text)) == common_form(common_form(common_form(text)))


def test_labels_are_compared_with_those_of_the_training_data():
    differences = compare_labels(["positive", "Neutral", "mixed"], ["positive", "neutral", "negative"])
    assert differences.respelled == {"Neutral": "neutral"}
    assert differences.new == ("mixed",) and differences.absent == ("negative",) and not differences.disjoint


def test_variants_within_one_file_are_grouped():
    assert spelling_variants(["yes", "no", "Yes", "YES ", "no"]) == (("yes", "Yes", "YES "),)
