import pytest

from xstilts.formats.words import split_words, strip_blanks, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("turn on 5-hour timer", ["turn", "on", "5-hour", "timer"]),
        ("把4小时的定时 减少35秒", ["把", "4", "小", "时", "的", "定", "时", "减", "少", "35", "秒"]),
        ("ตั้งเวลา73นาที", ["ตั้", "ง", "เ", "ว", "ล", "า", "73", "น", "า", "ที"]),
        ("が か\u3099TVカ", ["が", "か\u3099", "TV", "カ"]),
        ("음량을 올려", ["음량을", "올려"]),
        ("нижче е\u0301", ["нижче", "е\u0301"]),
        ("  ", []),
    ],
)
def test_words_by_script(text, words):
    assert [word for word, _ in split_words(text)] == words


@pytest.mark.parametrize(
    ("text", "stripped"),
    [(" na soko ", "na soko"), ("\u200bna\u00a0 soko\u200f\n", "na\u00a0 soko"), ("\u200b ", ""), ("", "")],
)
def test_blanks_and_invisible_characters_at_the_ends_are_stripped(text, stripped):
    assert strip_blanks(text) == stripped


def test_both_ways_of_splitting_agree_on_scripts_without_spaces() -> None:
    """Tibetan, Thai with AM, Khmer with a joiner, Japanese: one word per grapheme, whatever the text is split for."""
    for text in ("ཧེཏི", "กำน้ำ", "ក្\u200dក", "日本が"):
        assert [text[start:end] for start, end in words_of(text)] == [word for word, _ in split_words(text)]
    assert [word for word, _ in split_words("ཧེ་ཏི")] == ["ཧེ", "་", "ཏི"]
