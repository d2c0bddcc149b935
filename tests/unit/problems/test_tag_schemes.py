"""Tag schemes are found, and their tags become BIO."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.problems.tag_schemes import TagError, to_bio

KINDS = st.sampled_from(["PER", "LOC", "B-cell", "ORG_x"])
SPANS = st.lists(st.tuples(KINDS | st.none(), st.integers(1, 4)), min_size=1, max_size=6)
"""Spans of a sentence in order: type (None outside) and number of words."""


def written(spans, scheme):
    tags, previous = [], None
    for kind, size in spans:
        if kind is None:
            tags += ["O"] * size
        elif scheme == "IOB1":
            tags += [f"{'B' if kind == previous else 'I'}-{kind}", *[f"I-{kind}"] * (size - 1)]
        elif scheme == "BIO":
            tags += [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
        else:
            single, inside, last = {"BIOES": "SIE", "BILOU": "UIL", "BMES": "SME"}[scheme]
            middle = [f"{inside}-{kind}"] * (size - 2)
            tags += [f"{single}-{kind}"] if size == 1 else [f"B-{kind}", *middle, f"{last}-{kind}"]
        previous = kind
    return tags


@given(
    sentences=st.lists(SPANS, min_size=1, max_size=4), scheme=st.sampled_from(["IOB1", "BIO", "BIOES", "BILOU", "BMES"])
)
def test_every_scheme_becomes_the_same_bio(sentences, scheme):
    bio = to_bio([written(spans, scheme) for spans in sentences])
    assert bio.sentences == tuple(tuple(written(spans, "BIO")) for spans in sentences)
    assert bio.repaired == ()


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ([["O", "I-PER", "I-PER", "B-PER"]], "IOB1"),
        ([["B-PER", "I-PER"], ["O", "B-LOC"]], "BIO"),
        ([["S-PER"], ["B-LOC", "E-LOC"]], "BIOES"),
        ([["U-PER"]], "BILOU"),
        ([["NOUN", "VERB"], ["O", "NOUN"]], "plain"),
    ],
)
def test_the_scheme_is_that_of_all_sentences(tags, scheme):
    assert to_bio(tags).scheme == scheme


def test_a_span_that_begins_with_i_in_bio_is_repaired_and_counted():
    bio = to_bio([["B-PER", "O"], ["O", "I-LOC"], ["I-LOC", "B-PER"]])
    assert bio.sentences == (("B-PER", "O"), ("O", "B-LOC"), ("B-LOC", "B-PER"))
    assert (bio.scheme, bio.repaired) == ("BIO", (1, 2))


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ([["B-PER", "L-PER"], ["B-LOC", "O"]], 1),
        ([["U-PER"], ["S-PER"]], 1),
        ([["B-PER"], ["LOC"]], 1),
        ([["B-PER"], ["0", "B-PER"]], 1),
        ([["O"], ["-", "B-PER"]], 1),
        ([["0", "1"], ["2"]], 0),
        ([["0.0", "1.0"]], 0),
        ([["O", "L-PER"], ["U-PER"]], 0),
    ],
)
def test_numbers_marks_and_mixtures_are_refused_with_their_sentence(tags, sentence):
    with pytest.raises(TagError) as error:
        to_bio(tags)
    assert error.value.sentence == sentence


def test_small_letters_and_underscores_are_prefixes_too():
    assert to_bio([["b-per", "i-per", "o"], ["B_loc", "O"]]).sentences == (("B-per", "I-per", "O"), ("B-loc", "O"))


def test_a_sentence_may_cut_a_span_off():
    assert to_bio([["U-PER", "B-LOC"], ["B-LOC", "I-LOC"]]).sentences == (("B-PER", "B-LOC"), ("B-LOC", "I-LOC"))
