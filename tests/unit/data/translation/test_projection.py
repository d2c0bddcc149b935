"""Projected answers are at their stated offsets."""

import re
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xstilts.data.translation.projection import MARKER_STYLES, add_markers, extract_answer, find_answer, sentence_spans
from xstilts.problems import Answer

BRACKETS, TAGS, QUOTES = MARKER_STYLES
TEXT = st.text(st.sampled_from("ab cdé.ßİक़ไ中\n'ÅΣ-1"), max_size=40)


@st.composite
def marked_places(draw: st.DrawFn) -> tuple[str, Answer]:
    before, inside, after = draw(TEXT), draw(TEXT.filter(str.strip)), draw(TEXT)
    return f"{before}{inside}{after}", Answer(text=inside, start=len(before))


def stands(text: str, answer: Answer) -> bool:
    return text[answer.start : answer.start + len(answer.text)] == answer.text != ""


@pytest.mark.parametrize("markers", MARKER_STYLES, ids=lambda markers: markers.name)
@given(marked_places())
def test_text_between_markers_is_extracted(markers, place: tuple[str, Answer]):
    context, answer = place
    marked = add_markers(context, answer, markers)
    assert marked is not None
    found = extract_answer(marked, markers)
    assert found is not None
    text, read = found
    assert stands(text, read)
    assert read.text == answer.text.strip()
    assert text.split() == context.split() or "".join(text.split()) == "".join(context.split())


@pytest.mark.parametrize("markers", MARKER_STYLES, ids=lambda markers: markers.name)
@given(marked_places())
def test_a_translation_may_change_every_word(markers, place: tuple[str, Answer]):
    """Translations in upper case (tags included), with other words, or with other white space."""
    context, answer = place
    marked = add_markers(context, answer, markers) or ""
    for translated in (marked.upper(), re.sub(r"[^\W_]+(?!>)", "xo", marked), re.sub(r"([\[\]\"<>])", r" \1 ", marked)):
        found = extract_answer(translated, markers)
        assert found is not None and stands(*found)


@given(marked_places())
def test_reversed_words_give_a_valid_answer_or_none(place: tuple[str, Answer]):
    context, answer = place
    for markers in MARKER_STYLES:
        found = extract_answer(" ".join(reversed((add_markers(context, answer, markers) or "").split())), markers)
        assert found is None or stands(*found)


@given(TEXT, TEXT)
def test_a_found_answer_is_at_its_offset(text: str, answer: str):
    found = find_answer(text, answer)
    assert found is None or stands(text, found)


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=6), min_size=1, max_size=8), st.data())
def test_words_of_a_text_are_found_regardless_of_case(words: list[str], data: st.DataObject):
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    answer = " ".join(words[first : last + 1])
    found = find_answer(" ".join(words), answer)
    assert found is not None and found.text == answer
    assume(answer.upper().casefold() == answer.casefold())
    assert find_answer(" ".join(words), answer.upper()) is not None


@given(TEXT, st.sampled_from(MARKER_STYLES))
def test_a_text_that_contains_markers_is_not_marked(text: str, markers):
    assert add_markers(f"{markers.opening} {text}", Answer(text="", start=0), markers) is None


@pytest.mark.parametrize(
    ("text", "markers", "expected"),
    [
        ("Mji mkuu ni [Nairobi].", BRACKETS, ("Mji mkuu ni Nairobi.", "Nairobi")),
        ("Mji mkuu ni[ Nairobi ]leo", BRACKETS, ("Mji mkuu ni Nairobi leo", "Nairobi")),
        ("首都是【内罗毕】。", BRACKETS, ("首都是内罗毕。", "内罗毕")),
        ("Die Stadt < A >Nairobi< / a > ist", TAGS, ("Die Stadt Nairobi ist", "Nairobi")),
        ("La ville « Nairobi » est", QUOTES, ("La ville Nairobi est", "Nairobi")),
        ("Die Stadt „Nairobi“ ist", QUOTES, ("Die Stadt Nairobi ist", "Nairobi")),
        ("]Nairobi[", BRACKETS, None),
        ("[Nairobi] na [Kisumu]", BRACKETS, None),
        ("[Nairobi", BRACKETS, None),
        ("[ ]", BRACKETS, None),
        ("Nairobi", BRACKETS, None),
    ],
)
def test_translated_markers_are_recognised(text: str, markers, expected: tuple[str, str] | None):
    found = extract_answer(text, markers)
    assert (found and (found[0], found[1].text)) == expected
    assert found is None or stands(*found)


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("in Rom und in Rom", "Rom", ("Rom", 3)),
        ("Romane aus Rom", "Rom", ("Rom", 11)),
        ("Romane aus Florenz", "Rom", ("Rom", 0)),
        ("aus Florenz", "lore", None),
        ("aus Florenz", "FLORENZ.", ("Florenz", 4)),
        ("die Straße hier", "STRASSE", ("Straße", 4)),
        ("le café noir", "cafe", ("café", 3)),
        ("le café noir", "cafe", ("café", 3)),
        ("我住在北京市", "北京", ("北京", 3)),
        ("a 1889 b", "1889 .", ("1889", 2)),
        ("anything", "", None),
        ("", "x", None),
    ],
)
def test_find_answer(text: str, answer: str, expected: tuple[str, int] | None):
    found = find_answer(text, answer)
    assert (found and (found.text, found.start)) == expected


@given(TEXT)
def test_sentence_spans_cover_everything_but_white_space(text: str):
    spans = sentence_spans(text)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One here. Two there! Three?", ["One here.", "Two there!", "Three?"]),
        (
            "Dr. Amani met J. Otieno in the U.S. Army. They left.",
            ["Dr. Amani met J. Otieno in the U.S. Army.", "They left."],
        ),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("pi is 3.14 today. ok", ["pi is 3.14 today. ok"]),
        ("a title\na line", ["a title", "a line"]),
        (" \n ", []),
    ],
)
def test_sentence_boundaries(text: str, expected: list[str]):
    assert [text[start:end] for start, end in sentence_spans(text)] == expected
