import pytest

from xstilts.errors import UserError
from xstilts.metrics.mlqa import normalise


@pytest.mark.parametrize(
    ("language", "answer", "tokens"),
    [
        ("en", "The “U.S.” Army!", ["us", "army"]),
        ("de", "Der Turm – einer", ["turm"]),
        ("es", "¿Las casas?", ["casas"]),
        ("vi", "Của những con mèo", ["con", "mèo"]),
        ("hi", "यह घर है।", ["यह", "घर", "है"]),
        ("ar", "البيت، والسلام", ["بيت", "و", "سلام"]),
        ("zh", "iPhone 6在《北京》,the sea", ["iphone", "6", "在", "北", "京", "the", "sea"]),
    ],
)
def test_punctuation_articles_and_words_are_those_of_the_language(
    language: str, answer: str, tokens: list[str]
) -> None:
    assert normalise(answer, language) == tokens


def test_ascii_symbols_are_removed_and_others_kept() -> None:
    assert normalise("$5 + €6", "es") == ["5", "€6"]


def test_a_language_without_rules_is_refused() -> None:
    with pytest.raises(UserError, match=r"no rules for answers in 'ru'[\s\S]*ar, de"):
        normalise("мир", "ru")
