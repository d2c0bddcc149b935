"""Benchmarks below a data root: which files are read, groups shared by languages, partitions."""

import json
from pathlib import Path

import pytest

from xstilts.cache.sources import HubData
from xstilts.config.files import Partition
from xstilts.data.benchmark_files import bind
from xstilts.data.leakage import check_disjoint
from xstilts.data.load import load
from xstilts.errors import DataError
from xstilts.tasks import load_task
from xstilts.tasks.benchmark import group_by, group_by_shared_text


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "root"


def write(root: Path, name: str, *lines: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def nli(root: Path, language: str, premises: int = 20) -> None:
    labels = ("entailment", "neutral", "contradiction")
    lines = [f"{language} premise {n}\t{language} {label} {n}\t{label}" for n in range(premises) for label in labels]
    write(root, f"xnli/dev-{language}.tsv", *lines)


def examples(name: str, root: Path, language: str, split: str, partition: Partition | None = None):
    task = bind(load_task(name), root=root, cache=root.parent / "cache", partition=partition)
    return load(task, language, split, cache=root.parent / "cache", offline=True)


def test_translations_share_their_groups_and_their_partition(root):
    for language in ("en", "sw", "zh"):
        nli(root, language)
    english, swahili = (examples("xnli", root, language, "dev") for language in ("en", "sw"))
    assert [e.group for e in english] == [e.group for e in swahili]
    assert len({e.group for e in english}) == 20
    partition = Partition()
    parts = {
        (language, split): {e.group for e in examples("xnli", root, language, split, partition)}
        for language in ("en", "sw", "zh")
        for split in ("train", "dev", "test")
    }
    for split in ("train", "dev", "test"):
        assert parts["en", split] == parts["sw", split] == parts["zh", split] != set()
    everything = [parts["en", split] for split in ("train", "dev", "test")]
    assert sum(map(len, everything)) == len(set().union(*everything)) == 20


def test_training_on_a_translation_of_a_scored_item_is_a_leak(root):
    """Training on an English premise and scoring its Swahili translation shares a group."""
    for language in ("en", "sw"):
        nli(root, language)
    from xstilts.errors import LeakError

    train = examples("xnli", root, "en", "dev")[:3]
    with pytest.raises(LeakError):
        check_disjoint(train, examples("xnli", root, "sw", "dev"))


def test_without_english_files_each_language_has_its_own_groups(root):
    nli(root, "sw")
    found = examples("xnli", root, "sw", "dev")
    assert len({e.group for e in found}) == 20 and all(e.group.startswith("sw:") for e in found)


def test_files_of_different_lengths_are_not_paired(root):
    nli(root, "en")
    nli(root, "sw", premises=19)
    assert all(e.group.startswith("sw:") for e in examples("xnli", root, "sw", "dev"))


def test_questions_about_a_translated_article_share_a_group(root):
    def article(title: str, context: str, *ids: str) -> dict:
        answers = [{"text": context[:3], "answer_start": 0}]
        return {
            "title": title,
            "paragraphs": [
                {"context": context, "qas": [{"id": name, "question": "?", "answers": answers} for name in ids]}
            ],
        }

    for language, titles in (("en", ("Goats", "Sheep")), ("de", ("Ziegen", "Schafe"))):
        data = {
            "data": [article(titles[0], f"{language} goats", "a", "b"), article(titles[1], f"{language} sheep", "c")]
        }
        write(root, f"mlqa/dev-context-{language}-question-{language}.json", json.dumps(data))
    groups = {language: [e.group for e in examples("mlqa", root, language, "dev")] for language in ("en", "de")}
    assert groups["en"] == groups["de"] and groups["en"][0] == groups["en"][1] != groups["en"][2]


def test_a_language_without_files_is_read_from_the_hub(root):
    nli(root, "en")
    task = bind(load_task("xnli"), root=root, cache=root.parent / "cache")
    assert task.splits["en"] == ("dev",)
    assert any(isinstance(source, HubData) for source in task.sources_by_language["bg"])
    assert not any(isinstance(source, HubData) for source in task.sources_by_language["en"])


def test_fingerprint_depends_on_the_files_of_the_language_and_of_english(root):
    for language in ("en", "sw", "zh"):
        nli(root, language)

    def prints() -> list[str]:
        task = bind(load_task("xnli"), root=root, cache=root.parent / "cache")
        return [task.fingerprint(language) for language in ("en", "sw", "zh")]

    before = prints()
    nli(root, "sw", premises=21)
    after = prints()
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    nli(root, "en", premises=22)
    assert not set(prints()) & set(after)


def test_partition_keeps_splits_that_are_not_pooled(root):
    lines = [f"word{n}\tX\n" for n in range(40)]
    write(root, "udpos/train-en.tsv", *lines)
    write(root, "udpos/test-en.tsv", "other\tX\n")
    partition = Partition(pool=("train",), fractions={"train": 0.5, "dev": 0.5})
    task = bind(load_task("udpos"), root=root, cache=root.parent / "cache", partition=partition)
    assert task.splits["en"] == ("train", "dev", "test")
    assert [len(examples("udpos", root, "en", s, partition)) for s in ("test",)] == [1]
    assert (
        len(examples("udpos", root, "en", "train", partition)) + len(examples("udpos", root, "en", "dev", partition))
        == 40
    )


def test_a_malformed_row_is_located(root):
    write(root, "xnli/dev-en.tsv", "a\tb\tentailment", "a\tb\tperhaps")
    with pytest.raises(DataError, match=r"dev-en\.tsv:2: .*'perhaps'"):
        examples("xnli", root, "en", "dev")


def test_withheld_labels_are_none(root):
    write(root, "xnli/test-en.tsv", "a\tb", "c\td")
    assert [e.label for e in examples("xnli", root, "en", "test")] == [None, None]


def test_anli_concatenates_its_files_and_drops_pairs_without_a_majority_label(root):
    write(root, "anli/R1/dev.jsonl", json.dumps({"uid": "1", "context": "c", "hypothesis": "h", "label": "e"}))
    snli = [{"sentence1": "p", "sentence2": "q", "gold_label": label} for label in ("neutral", "-")]
    write(root, "snli/snli_1.0_dev.jsonl", *map(json.dumps, snli))
    assert [e.label for e in examples("anli", root, "en", "dev")] == ["entailment", "neutral"]


def test_rows_with_a_shared_text_are_one_group():
    rows = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"a": "2", "b": "3"}, {"a": "5", "b": "5"}]
    first, second, third, fourth = group_by_shared_text("a", "b")(rows)
    assert first == second == third != fourth
    assert group_by("a")(rows)[0] != group_by("a")(rows)[1]
