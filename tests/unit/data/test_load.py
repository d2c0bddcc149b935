from dataclasses import replace

import pytest

from xstilts.data.leakage import check_disjoint
from xstilts.data.load import check_labels, load
from xstilts.errors import DataError, LeakError, UserError
from xstilts.problems import Answer, Choice, Labelled, Parallel, Span, Tagged
from xstilts.tasks.task import Task


def labelled(name: str, group: str = "g", language: str = "en", label: str | None = "yes") -> Labelled:
    return Labelled(id=name, group=group, language=language, text=f"text {name}", label=label)


def task(*examples, problem="classification", fractions=None, split="test") -> Task:
    return Task(
        name="toy",
        problem=problem,
        suite=(),
        languages=("en", "fi"),
        sources=(),
        read=lambda paths, language: {split: (replace(e, language=language) for e in examples)},
        fractions=fractions,
        licence="",
        citation="",
        url="",
    )


EXAMPLES = {
    "classification": Labelled(id="1", group="g", language="fi", text="a\u2028b", pair=None, label=None),
    "choice": Choice(id="1", group="g", language="fi", prompt="p", choices=("ä", "b"), answer=1),
    "span": Span(id="1", group="g", language="fi", question="q", context="c", answers=(Answer(text="c", start=0),)),
    "tagging": Tagged(id="1", group="g", language="fi", words=("a", "中"), tags=("O", "B-x")),
    "retrieval": Parallel(id="1", group="g", language="fi", text="t", english="e"),
}


@pytest.mark.parametrize("problem", EXAMPLES)
def test_cached_examples_equal_the_originals(problem, tmp_path):
    toy = task(EXAMPLES[problem], problem=problem)
    for _ in range(2):
        assert load(toy, "fi", "test", cache=tmp_path, offline=True) == (EXAMPLES[problem],)


@pytest.mark.parametrize("answers", [(), None])
def test_the_cache_distinguishes_unanswerable_from_unlabelled(answers, tmp_path):
    example = replace(EXAMPLES["span"], answers=answers)
    for _ in range(2):
        assert load(task(example, problem="span"), "fi", "test", cache=tmp_path, offline=True) == (example,)


def test_a_second_call_reads_from_the_cache(tmp_path):
    toy = task(labelled("1"))
    load(toy, "en", "test", cache=tmp_path, offline=True)
    unreadable = replace(toy, read=lambda paths, language: pytest.fail("read again"))
    assert [e.id for e in load(unreadable, "en", "test", cache=tmp_path, offline=True)] == ["1"]
    with pytest.raises(pytest.fail.Exception):
        load(replace(unreadable, code_version=2), "en", "test", cache=tmp_path, offline=True)


def test_groups_are_assigned_to_the_same_split_in_every_language(tmp_path):
    toy = task(
        *(labelled(str(n), group=str(n // 2)) for n in range(200)), fractions={"train": 0.5, "test": 0.5}, split="all"
    )
    groups = {
        (language, split): {e.group for e in load(toy, language, split, cache=tmp_path, offline=True)}
        for language in ("en", "fi")
        for split in ("train", "test")
    }
    assert groups["en", "train"] == groups["fi", "train"]
    assert not groups["en", "train"] & groups["fi", "test"]
    assert len(groups["en", "train"]) + len(groups["en", "test"]) == 100


def test_errors_list_the_available_languages_and_splits(tmp_path):
    toy = task(labelled("1"))
    with pytest.raises(UserError, match=r"(?s)'de'.*en, fi"):
        load(toy, "de", "test", cache=tmp_path, offline=True)
    with pytest.raises(UserError, match=r"(?s)'train'.*test"):
        load(toy, "en", "train", cache=tmp_path, offline=True)


def test_duplicate_ids_are_rejected(tmp_path):
    with pytest.raises(DataError, match="'1'"):
        load(task(labelled("1"), labelled("1")), "en", "test", cache=tmp_path, offline=True)


@pytest.mark.parametrize("problem", ["classification", "choice", "span", "tagging"])
def test_a_split_without_labels_is_rejected(problem):
    field = {"classification": "label", "choice": "answer", "span": "answers", "tagging": "tags"}[problem]
    bare = replace(EXAMPLES[problem], **{field: None})
    with pytest.raises(DataError, match="example '1'"):
        check_labels([bare], task(problem=problem), "test")
    check_labels([replace(EXAMPLES["span"], answers=())], task(problem="span"), "test")


def test_a_shot_that_translates_an_evaluation_item_is_refused():
    shots = [labelled("fi-1", group="a", language="fi"), labelled("fi-2", group="b", language="fi")]
    evaluation = [labelled("en-7", group="c"), labelled("en-9", group="b")]
    with pytest.raises(LeakError) as caught:
        check_disjoint(shots, evaluation, "toy")
    for word in ("'toy'", "'b'", "'fi-2' (fi)", "'en-9' (en)"):
        assert word in str(caught.value)
    check_disjoint(shots, evaluation[:1])
