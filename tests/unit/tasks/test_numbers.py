import gzip
import zipfile
from collections import Counter

import pytest

from xstilts.tasks import _numbers as numbers
from xstilts.tasks import number_read, number_verify
from xstilts.tasks._image_wheels import DIGITS, DIGITS_TABLE

LANGUAGES = number_verify.TASK.languages


@pytest.fixture
def paths(tmp_path):
    """A wheel with 120 pictures of each digit, laid out as the real one."""
    path = tmp_path / "digits.whl"
    rows = "".join(",".join(["0.000000"] * 64 + [f"{row % 10}.000000"]) + "\n" for row in range(1200))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(DIGITS_TABLE, gzip.compress(rows.encode()))
    return {DIGITS.package: path}


def test_digits_are_the_last_column(paths):
    assert numbers.digits(paths[DIGITS.package])[:12] == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1)


def test_pairs_show_tens_and_units_and_come_once(paths):
    pairs = list(numbers.shown_numbers(paths, "train", 20))
    assert Counter(pair.number for pair in pairs) == dict.fromkeys(range(100), 20)
    assert all(tuple(row % 10 for row in pair.rows) == divmod(pair.number, 10) for pair in pairs)
    assert all(pair.rows[0] != pair.rows[1] for pair in pairs)
    assert len({pair.name for pair in pairs}) == len(pairs)
    assert list(numbers.shown_numbers(paths, "train", 3)) == pairs[:300]


def test_no_digit_is_in_two_splits(paths):
    seen = [
        {row for pair in numbers.shown_numbers(paths, split, 60) for row in pair.rows} for split in numbers.FRACTIONS
    ]
    assert sum(map(len, seen)) == len(set.union(*seen))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_a_word_of_its_own_without_digits(language):
    words = numbers.words(language)
    assert len({word.casefold() for word in words}) == 100
    assert not any(character.isdigit() or character == "\u200b" for word in words for character in word)
    assert all(word == " ".join(word.split()) != "" for word in words)


@pytest.mark.parametrize(
    ("language", "word"),
    [("en", "forty-two"), ("de", "zweiundvierzig"), ("fr", "quarante-deux"), ("nb", "førtito"), ("zh", "四十二"),
     ("th", "สี่สิบสอง"), ("sw", "arobaini na mbili")],
)  # fmt: skip
def test_words_are_spelled_as_speakers_do(language, word):
    assert numbers.words(language)[42] == word


def test_there_are_78_languages_of_which_three_write_alike():
    assert len(LANGUAGES) == 78
    written = Counter(numbers.words(language)[1:] for language in LANGUAGES)
    assert [count for count in written.values() if count > 1] == [3]


@pytest.mark.parametrize("split", number_verify.PAIRS_PER_NUMBER)
def test_every_wrong_number_differs_and_is_used_once(split):
    for turn in range(number_verify.ENGLISH_PAIRS_PER_NUMBER[split]):
        told = number_verify.wrong_numbers(split, turn)
        assert set(told) == set(told.values()) == set(range(100))
        assert all(shown != false for shown, false in told.items())


def test_false_numbers_are_of_every_kind_about_equally_often():
    kinds = Counter(
        number_verify.difference_kind(shown, false)
        for turn in range(100)
        for shown, false in number_verify.wrong_numbers("train", turn).items()
    )
    assert set(kinds) == set(number_verify.DIFFERENCE_KINDS)
    assert min(kinds.values()) > 1000


@pytest.mark.parametrize(
    ("shown", "told", "kind"), [(12, 72, "tens"), (12, 13, "units"), (12, 21, "swapped"), (12, 34, "both")]
)
def test_kinds(shown, told, kind):
    assert number_verify.difference_kind(shown, told) == kind


@pytest.mark.parametrize("language", ["en", "sw"])
def test_a_pair_has_a_right_and_a_wrong_number(paths, language):
    items = list(number_verify.number_items(paths, language, "train", 10))
    assert len({item.id for item in items}) == len(items) == 2000
    for true, false in zip(items[::2], items[1::2], strict=True):
        assert (true.images, true.group, true.label, false.label) == (false.images, false.group, "true", "false")
        shown = numbers.words(language).index(true.text)
        assert divmod(shown, 10) == tuple(int(image.removeprefix("digits:")) % 10 for image in true.images)
        assert false.text != true.text


def test_reading_and_verification_show_the_same_pairs(paths):
    read = list(number_read.number_items(paths, "en", "train"))
    told = list(number_verify.number_items(paths, "en", "train", 100))
    assert {item.group for item in told} < {item.group for item in read}
    assert Counter(item.label for item in read) == {str(number): 200 for number in range(100)}
    assert {item.text for item in read} == {"number"}
