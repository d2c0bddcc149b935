import pytest

from xstilts.tasks.disfl_qa import find_span
from xstilts.tasks.quac import recover

PASSAGE = "In May 1983, she married Nikos Karvelas, a composer. They had a daughter, Sofia."


def test_the_first_of_repeated_answers_is_recovered_with_its_offset():
    answers = "she married Nikos Karvelas, she married Nikos Karvelas, a composer. she married Nikos Karvelas,"
    span = recover(answers, PASSAGE)
    assert span is not None
    assert (span.text, span.start) == ("she married Nikos Karvelas", 13)


@pytest.mark.parametrize(
    "answers", ["CANNOTANSWER CANNOTANSWER", "Nikos Karvelas, Nikos Karvelas,", "they had a son they had a"]
)
def test_short_absent_or_unrepeated_answers_are_not_recovered(answers):
    assert recover(answers, PASSAGE) is None


def test_an_answer_is_found_as_whole_words_only():
    assert find_span("major", "the majority, a major part")[0].start == 16
    assert find_span("unknown", PASSAGE) == ()
    assert find_span("Sof", PASSAGE) is None
