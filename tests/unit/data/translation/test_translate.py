"""Translation of examples with fake translators."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.data.translation.translate import Translator, translate
from xstilts.errors import UserError
from xstilts.problems import Answer, Choice, Example, Labelled, Parallel, Span, Tagged

CONTEXT = "The tower was built by Amani. It stands in Mombasa, near the sea! Nobody knows why."


def labelled(number: int, text: str, pair: str | None = None) -> Labelled:
    return Labelled(id=f"en{number}", group=f"g{number}", language="en", text=text, pair=pair, label="yes")


def span(question: str, context: str, answer: str | None) -> Span:
    answers = () if answer is None else (Answer(text=answer, start=context.index(answer)),)
    return Span(id=question, group=context, language="en", question=question, context=context, answers=answers)


def by_word(change) -> Translator:
    return lambda texts: [" ".join(map(change, text.split())) for text in texts]


def upper(texts: Sequence[str]) -> list[str | None]:
    return [text.upper() for text in texts]


def backwards(texts: Sequence[str]) -> list[str | None]:
    return [" ".join(reversed(text.split())) for text in texts]


def without_markers(texts: Sequence[str]) -> list[str | None]:
    return [re.sub(r'[\[\]"]|</?a>', "", text).upper() for text in texts]


def stands(example: Example) -> bool:
    assert isinstance(example, Span) and example.answers is not None
    return all(example.context[a.start : a.start + len(a.text)] == a.text for a in example.answers)


def test_translations_keep_id_group_and_label():
    choice = Choice(id="c", group="g", language="en", prompt="Which? One.", choices=("this", "that"), answer=1)
    (pair,) = translate([labelled(1, "one. Two.", "three")], upper, "sw", "sentences").examples
    assert pair == Labelled(id="en1", group="g1", language="sw", text="ONE. TWO.", pair="THREE", label="yes")
    (chosen,) = translate([choice], upper, "sw", "sentences").examples
    assert chosen == Choice(id="c", group="g", language="sw", prompt="WHICH? ONE.", choices=("THIS", "THAT"), answer=1)


def test_equal_sentences_are_translated_once():
    asked: list[str] = []

    def translator(texts: Sequence[str]) -> list[str | None]:
        asked.extend(texts)
        return list(texts)

    translate([labelled(1, "One here. Two."), labelled(2, "Two.", "One here.")], translator, "sw", "sentences")
    assert asked == ["One here.", "Two."]
    asked.clear()
    translate([labelled(1, " One here. Two.")], translator, "sw", "whole")
    assert asked == ["One here. Two."]


def test_untranslatable_examples_are_dropped_and_counted():
    found = {"a": None, "b": " ", "c": "C"}
    examples = [labelled(n, text) for n, text in enumerate("abcc")]
    done = translate(examples, lambda texts: [found[text] for text in texts], "sw", "whole")
    assert [example.id for example in done.examples] == ["en2", "en3"]
    assert done.dropped == {"empty": 1, "too long": 1}


@pytest.mark.parametrize("unit", ["sentences", "whole"])
def test_an_answer_is_projected_with_markers(unit):
    done = translate([span("Where?", CONTEXT, "Mombasa"), span("Why?", CONTEXT, None)], upper, "sw", unit)
    where, why = done.examples
    assert isinstance(where, Span) and isinstance(why, Span)
    assert where.context == why.context == CONTEXT.upper()
    assert where.answers == (Answer(text="MOMBASA", start=CONTEXT.index("Mombasa")),)
    assert (why.answers, why.question, why.language) == ((), "WHY?", "sw")
    assert (done.dropped, done.projected) == ({}, {"[ ]": 1})


def test_other_markers_are_used_if_the_text_contains_the_first():
    context = 'The tower [1] was "built" by Amani.'
    done = translate([span("Who?", context, "Amani")], upper, "sw", "sentences")
    assert done.projected == {"<a> </a>": 1}
    assert all(map(stands, done.examples))


def test_an_answer_without_markers_is_found_by_text_search():
    done = translate([span("Who?", CONTEXT, "built by Amani")], without_markers, "sw", "sentences")
    (example,) = done.examples
    assert isinstance(example, Span) and example.context == CONTEXT.upper()
    assert example.answers == (Answer(text="BUILT BY AMANI", start=14),)
    assert done.projected == {"found": 1}


def test_a_lost_answer_is_unprojectable():
    def translator(texts: Sequence[str]) -> list[str | None]:
        return ["jibu" if text == "Amani" else "mnara" for text in texts]

    done = translate([span("Who?", CONTEXT, "Amani"), span("Why?", CONTEXT, None)], translator, "sw", "sentences")
    assert [example.id for example in done.examples] == ["Why?"]
    assert (done.dropped, done.projected) == ({"unprojectable": 1}, {})


def test_an_answer_across_two_sentences_merges_them():
    asked: list[str] = []

    def translator(texts: Sequence[str]) -> list[str | None]:
        asked.extend(texts)
        return upper(texts)

    answer = "Amani. It stands in Mombasa"
    (example,) = translate([span("What?", CONTEXT, answer)], translator, "sw", "sentences").examples
    assert isinstance(example, Span) and example.answers == (Answer(text=answer.upper(), start=23),)
    assert "The tower was built by [Amani. It stands in Mombasa], near the sea!" in asked
    assert "Nobody knows why." in asked


WORDS = st.lists(st.sampled_from(["Amani", "built", "Rome.", "1889", "é", "北京", "a"]), min_size=1, max_size=12)


@given(WORDS, st.data(), st.sampled_from([upper, backwards, without_markers, by_word(lambda word: word[::-1])]))
def test_projected_answers_are_at_their_offsets_for_any_translator(words, data, translator):
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    context = " ".join(words)
    start = len(" ".join(words[:first])) + (first > 0)
    answer = Answer(text=" ".join(words[first : last + 1]), start=start)
    example = Span(id="q", group="c", language="en", question="what?", context=context, answers=(answer,))
    for unit in ("sentences", "whole"):
        done = translate([example], translator, "sw", unit)
        assert len(done.examples) + sum(done.dropped.values()) == 1
        assert all(map(stands, done.examples))
        assert set(done.dropped) <= {"unprojectable"}
        if translator in (upper, without_markers):
            assert len(done.examples) == 1


@pytest.mark.parametrize(
    "example",
    [
        Tagged(id="t", group="t", language="en", words=("a",), tags=("O",)),
        Parallel(id="p", group="p", language="en", text="a", english="a"),
    ],
)
def test_tagged_and_parallel_examples_are_rejected(example):
    with pytest.raises(UserError, match=type(example).__name__.lower()):
        translate([example], upper, "sw", "sentences")
