import pytest

from xstilts.errors import UserError
from xstilts.fitting.languages import find_language, share_in_script


@pytest.mark.parametrize("value", ["sw", "swh", "swa", "Swahili", "swahili", " sw "])
def test_one_language_has_one_code(value):
    assert find_language(value).code == "sw"


@pytest.mark.parametrize(
    ("value", "name", "script"),
    [
        ("ta", "Tamil", "Taml"),
        ("am", "Amharic", "Ethi"),
        ("uz_Cyrl", "Uzbek (Cyrillic)", "Cyrl"),
        ("eu", "Basque", "Latn"),
    ],
)
def test_names_and_scripts(value, name, script):
    language = find_language(value)
    assert (language.name, language.script) == (name, script)


@pytest.mark.parametrize("value", ["", "klingonx", "zz", "english.csv"])
def test_other_values_are_no_language(value):
    with pytest.raises(UserError, match="no language"):
        find_language(value)


def test_share_of_letters_in_a_script():
    assert share_in_script(["abc 12 где"], "Latn") == 0.5
    assert share_in_script(["東京タワーです"], "Jpan") == 1.0
    assert share_in_script(["123"], "Latn") == 1.0
    assert share_in_script(["abc"], "") == 1.0
