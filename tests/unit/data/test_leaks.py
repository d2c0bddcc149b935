"""Scored items that were trained on are found by their texts where groups cannot be compared."""

import pytest

from xstilts.data.leaks import check_texts, long_texts
from xstilts.errors import LeakError
from xstilts.examples import Choice, Labelled, Span, Tagged

LONG = "The old bridge over the river was closed for the whole winter."


def labelled(text: str, pair: str | None = None) -> Labelled:
    return Labelled(id="a", group="g", language="en", text=text, pair=pair, label="x")


def test_a_long_text_is_found_in_whatever_field_case_and_spacing():
    trained = frozenset(long_texts(labelled("short", LONG)))
    places = [
        Span(id="s", group="h", language="en", question="why?", context=LONG.upper(), answers=()),
        Tagged(id="t", group="h", language="en", words=tuple(LONG.split()), tags=None),
        Choice(id="c", group="h", language="en", prompt=f"  {LONG}  ", choices=("a", "b"), answer=0),
    ]
    for example in places:
        with pytest.raises(LeakError, match=rf"'mnli' was trained on a text of example '{example.id}'"):
            check_texts(trained, [example], "mnli")


def test_short_texts_and_other_texts_are_no_leak():
    trained = frozenset(long_texts(labelled("It is not.", LONG)))
    check_texts(trained, [labelled("It is not."), labelled(LONG.replace("old", "new"))], "mnli")
