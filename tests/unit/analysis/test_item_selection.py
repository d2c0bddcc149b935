from collections.abc import Sequence

from tests.unit.report.pictured import captions

from xstilts.analysis.item_selection import (
    ITEMS_PER_LANGUAGE,
    OUTCOME_KINDS,
    ArmAnswers,
    Candidate,
    candidates_of,
    select_items,
)
from xstilts.analysis.results import ArmItems
from xstilts.problems import Example, ImageText
from xstilts.problems.scores import score_frame


def _example(number: int, language: str = "de", images: tuple[str, ...] = ()) -> ImageText:
    shown = images or (f"toy:{number}",)
    return ImageText(id=f"{number}", group="", language=language, text="", images=shown, label="yes")


def _candidate(example: Example, first: bool, second: bool) -> Candidate:
    runs = tuple(ArmAnswers(right=(right,), answers=('"yes"' if right else '"no"',)) for right in (first, second))
    return Candidate(example=example, gold="yes", answers=runs)


def _many(language: str, kinds: Sequence[tuple[bool, bool]], each: int = 5) -> list[Candidate]:
    return [_candidate(_example(number, language), *kind) for number, kind in enumerate([*kinds] * each)]


def _kinds(selected: Sequence[Candidate]) -> list[tuple[bool, bool]]:
    return [one.kind for one in selected]


def test_one_item_of_each_kind_and_those_where_arms_differ_first() -> None:
    selected = select_items({"de": _many("de", list(OUTCOME_KINDS))}, max_images=60)
    assert _kinds(selected["de"]) == list(OUTCOME_KINDS)


def test_missing_kinds_are_replaced_by_others() -> None:
    selected = select_items({"de": _many("de", [(True, True), (False, True)])}, max_images=60)
    assert _kinds(selected["de"]) == [(False, True)] * 3 + [(True, True)]
    assert len({one.example.id for one in selected["de"]}) == ITEMS_PER_LANGUAGE


def test_the_number_of_images_is_limited_and_every_language_has_items() -> None:
    selected = select_items(
        {language: _many(language, list(OUTCOME_KINDS)) for language in ("de", "fi", "ar")}, max_images=5
    )
    shown = {image for own in selected.values() for one in own for image in one.example.images}  # type: ignore[attr-defined]
    assert len(shown) <= 5
    assert all(own for own in selected.values())


def test_parallel_items_show_the_same_images_in_every_language_in_any_order() -> None:
    items = _many("de", list(OUTCOME_KINDS))
    selected = select_items(
        {"de": items, "fi": _many("fi", list(OUTCOME_KINDS)), "backwards": items[::-1]}, max_images=60
    )
    ids = [[one.example.id for one in own] for own in selected.values()]
    assert ids[0] == ids[1] == ids[2]


def test_an_arm_is_right_if_half_of_its_runs_are() -> None:
    half = ArmAnswers(right=(True, False), answers=('"yes"', '"no"'))
    assert half.mostly_right and half.answer == "yes" and half.right_of_total == "1/2"
    third = ArmAnswers(right=(True, False, False), answers=('"a"', '"b"', '"b"'))
    assert not third.mostly_right and third.answer == "b"
    ranked = ArmAnswers(right=(True, False, False, True), answers=("[1, 1]", "[9, null]", "[4, 2]", "[1, 3]"))
    assert ranked.mostly_right and ranked.rank == 1


def test_candidates_are_the_items_that_every_arm_scored() -> None:
    examples = captions("de", tuple(f"toy:{number}" for number in range(20)))[:3]
    items, images = [(e.id, e.group) for e in examples], [e.image for e in examples]
    arms: list[ArmItems] = [
        {"de": {(0, None): score_frame("image-retrieval", items[:n], images[:n], [(rank, None)] * n)}}
        for n, rank in ((3, 1), (2, 7))
    ]
    selected = candidates_of(examples, arms, "de")
    assert [one.example for one in selected] == list(examples[:2])
    assert [one.kind for one in selected] == [(True, False)] * 2
    assert [runs.rank for runs in selected[0].answers] == [1, 7]
    assert candidates_of(examples, arms, "fi") == []
