import json
import zipfile

import pytest

from xstilts.tasks import _emoji as emoji
from xstilts.tasks import emoji_match
from xstilts.tasks._image_wheels import OPENMOJI, OPENMOJI_DRAWINGS

TABLE = {
    "🍕": (":pizza:", 2),
    "👋": (":waving_hand:", 2),
    "👋🏽": (":waving_hand_medium_skin_tone:", 2),
    "🅰\ufe0f": (":A_button_(blood_type):", 2),
    "🅰": (":A_button_(blood_type):", 4),
    "❤\ufe0f\u200d🔥": (":heart_on_fire_❤\ufe0f:", 2),
    "🇫🇮": (":Finland:", 2),
    "🏴\U000e0067\U000e007f": (":Scotland:", 2),
    "🧑\u200d🌾": (":farmer:", 2),
    "👨\u200d🌾": (":man_farmer:", 2),
    "🛙": (":lighthouse:", 2),
}
GERMAN = {"🍕": ":pizza:", "👋": ":winkende_hand:", "🧑\u200d🌾": ":bauer:", "👨\u200d🌾": ":landwirt:"}
DRAWN = {
    "1F355": "<a/>",
    "1F44B": "<b/>",
    "1F44B-1F3FD": "<c/>",
    "1F170": "<d/>",
    "2764-FE0F-200D-1F525": "<e/>",
    "1F1EB-1F1EE": "<f/>",
    "1F3F4-E0067-E007F": "<g/>",
    "1F9D1-200D-1F33E": "<farmer/>",
    "1F468-200D-1F33E": "<farmer/>",
    "E000": "<private/>",
}


@pytest.fixture
def paths(tmp_path):
    """Small wheels that are laid out as the real ones."""
    names = tmp_path / "emoji.whl"
    with zipfile.ZipFile(names, "w") as archive:
        table = {text: {"en": name, "status": status} for text, (name, status) in TABLE.items()}
        archive.writestr("emoji/unicode_codes/emoji.json", json.dumps(table))
        archive.writestr("emoji/unicode_codes/emoji_de.json", json.dumps(GERMAN))
    pictures = tmp_path / "openmoji.whl"
    with zipfile.ZipFile(pictures, "w") as archive:
        for stem, drawing in DRAWN.items():
            archive.writestr(f"{OPENMOJI_DRAWINGS}/{stem}.svg", drawing)
            archive.writestr(f"{OPENMOJI_DRAWINGS}/{stem}.svg.gz", drawing)
    return {emoji.EMOJI.package: names, OPENMOJI.package: pictures}


def test_concepts_are_drawn_fully_qualified_and_without_skin_tones_and_flags_of_regions(paths):
    assert {concept.stem: concept.name for concept in emoji.concepts(paths, "en")} == {
        "1F170": "A button (blood type)",
        "1F355": "pizza",
        "1F3F4-E0067-E007F": "Scotland",
        "1F44B": "waving hand",
        "1F468-200D-1F33E": "man farmer",
        "1F9D1-200D-1F33E": "farmer",
        "2764-FE0F-200D-1F525": "heart on fire",
    }


def test_another_language_has_the_concepts_that_it_names(paths):
    german = {concept.stem: concept for concept in emoji.concepts(paths, "de")}
    assert [concept.name for concept in german.values()] == ["pizza", "winkende hand", "landwirt", "bauer"]
    assert (german["1F44B"].english, german["1F44B"].image) == ("waving hand", "openmoji:1F44B")


def test_one_drawing_is_one_group(paths):
    groups = {concept.name: concept.group for concept in emoji.concepts(paths, "en")}
    assert groups["farmer"] == groups["man farmer"] == "1F468-200D-1F33E"
    assert groups["pizza"] == "1F355"


def test_only_another_language_has_names_as_in_english(paths):
    bearing = {
        language: [c.item_id(c.stem, language) for c in emoji.concepts(paths, language)] for language in ("en", "de")
    }
    assert [name for name in bearing["de"] if "#" in name] == ["1F355#same"]
    assert not any("#" in name for name in bearing["en"])


def test_regions():
    assert [emoji.region(stem) for stem in ("1F1EB-1F1EE", "1F1EB", "1F355", "1F3F4-E0067-E007F")] == [
        "FI",
        *[None] * 3,
    ]


def concept(name: str) -> emoji.Concept:
    return emoji.Concept(stem=name, group="g", name=name, english=name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "cat face"),
        ("person running", "woman running"),
        ("farmer", "man farmer"),
        ("family", "family: man, boy"),
        ("sun behind cloud", "sun behind large cloud"),
    ],
)
def test_a_name_that_also_fits_is_not_a_wrong_name(one, other):
    assert emoji_match.partners([concept(one), concept(other)]) == {}


def test_names_that_do_not_fit_are_partners():
    assert emoji_match.partners([concept("red circle"), concept("blue circle")]) == {
        "red circle": "blue circle",
        "blue circle": "red circle",
    }


def test_wrong_names_are_hard_and_easy():
    colours = ("red", "blue", "green", "black", "white", "brown", "orange", "purple", "yellow", "pink")
    names = [f"{colour} {thing}" for colour in colours for thing in ("circle", "square", "heart", "apple", "book")]
    partners = emoji_match.partners(map(concept, names))
    hard = [one for one, other in partners.items() if set(one.split()) & set(other.split())]
    assert len(partners) == len(names)
    assert len(names) / 4 < len(hard) < len(names) * 3 / 4
