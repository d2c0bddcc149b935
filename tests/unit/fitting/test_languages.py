"""Languages by their codes and names."""

import pytest

from xstilts.errors import UserError
from xstilts.fitting.languages import find_language, share_in_script, unicode_scripts


@pytest.mark.parametrize(
    ("names", "code", "script"),
    [
        ("sw swh swa swh_Latn Swahili", "sw", "Latn"),
        ("ta tam tam_Taml Tamil", "ta", "Taml"),
        ("zh zho_Hans cmn_Hans zh-Hans Chinese", "zh", "Hans"),
        ("zh-Hant zho_Hant", "zh-Hant", "Hant"),
        ("zh-TW zh_Hant_TW", "zh-TW", "Hant"),
        ("sr srp_Cyrl", "sr", "Cyrl"),
        ("sr-Latn srp_Latn", "sr-Latn", "Latn"),
        ("ja jpn_Jpan", "ja", "Jpan"),
        ("und", "und", ""),
        ("und-Ethi", "und-Ethi", "Ethi"),
        ("ckt", "ckt", ""),  # CLDR has no script for Chukchi
        ("ckt-Cyrl", "ckt-Cyrl", "Cyrl"),
    ],
)
def test_all_names_of_a_language_give_one_code(names: str, code: str, script: str):
    assert {(find_language(name).code, find_language(name).script) for name in names.split()} == {(code, script)}


@pytest.mark.parametrize("name", ["", "nonsense", "xx", "sw_Nope_Latn"])
def test_no_language_is_an_error(name: str):
    with pytest.raises(UserError):
        find_language(name)


def test_compound_scripts_are_several_of_unicode():
    assert unicode_scripts("Jpan") == ("Hira", "Kana", "Hani")
    assert unicode_scripts("Latn") == ("Latn",)
    assert unicode_scripts("") == ()


def test_share_in_script():
    assert share_in_script(["ab \u3042\u4e00"], "Jpan") == 0.5
    assert share_in_script(["ab"], "Taml") == 0
    assert share_in_script(["ab"], "") == 1


@pytest.mark.parametrize("name", ["klingonx", "english.csv", "swahil"])
def test_names_that_are_almost_a_language_are_an_error(name: str):
    with pytest.raises(UserError):
        find_language(name)


def test_letters_that_scripts_share_count_as_theirs():
    assert share_in_script(["東京タワーです"], "Jpan") == 1.0
