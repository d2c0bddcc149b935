"""Leakage checks by group, text and image."""

import pytest

from xstilts.data.leakage import check_disjoint, check_texts, images_in, long_texts, shared_images, unmapped_images
from xstilts.errors import LeakError
from xstilts.problems import Caption, Choice, ImageText, Labelled, Span, Tagged

LONG = "The old bridge over the river was closed for the whole winter."


def labelled(text: str, pair: str | None = None) -> Labelled:
    return Labelled(id="a", group="g", language="en", text=text, pair=pair, label="x")


def test_long_texts_are_compared_across_fields_case_and_white_space():
    trained = frozenset(long_texts(labelled("short", LONG)))
    places = [
        Span(id="s", group="h", language="en", question="why?", context=LONG.upper(), answers=()),
        Tagged(id="t", group="h", language="en", words=tuple(LONG.split()), tags=None),
        Choice(id="c", group="h", language="en", prompt=f"  {LONG}  ", choices=("a", "b"), answer=0),
    ]
    for example in places:
        with pytest.raises(LeakError, match=rf"'mnli' .*'{example.id}'"):
            check_texts(trained, [example], "mnli")


def test_short_and_different_texts_are_no_leak():
    trained = frozenset(long_texts(labelled("It is not.", LONG)))
    check_texts(trained, [labelled("It is not."), labelled(LONG.replace("old", "new"))], "mnli")


def shown(name: str, *images: str, group: str = "") -> ImageText:
    return ImageText(id=name, group=group or name, language="en", text="a", images=images, label="true")


def test_a_shared_image_is_a_leak():
    train = [shown("a", "nlvr2:1", "nlvr2:2"), Caption(id="c", group="c", language="en", text="a", image="coco:7")]
    check_disjoint(train, [shown("b", "nlvr2:3")])
    with pytest.raises(LeakError, match=r"'marvl': .*'nlvr2:2': .*'a' \(en\) .*'b' \(en\)"):
        check_disjoint(train, [shown("b", "nlvr2:3", "nlvr2:2")], "marvl")
    with pytest.raises(LeakError, match="'coco:7'"):
        check_disjoint(train, [shown("b", "coco:7")])


def test_without_images_only_groups_are_compared():
    check_disjoint([shown("a", "marvl:zh/1.jpg")], [shown("b", "marvl:zh/1.jpg")], images=False)
    with pytest.raises(LeakError, match="'g'"):
        check_disjoint([shown("a", "x:1", group="g")], [shown("b", "x:2", group="g")], images=False)


def test_shared_images_are_counted_within_common_collections():
    trained = images_in([shown("a", "flickr30k:1", "flickr30k:2")])
    assert shared_images(trained, {"flickr30k:2", "coco:2"}) == 1
    assert shared_images(trained, {"flickr30k:3"}) == 0
    assert shared_images(trained, {"coco:1"}) is None


def test_unmapped_collections_are_returned():
    assert unmapped_images({"gqa:1"}, {"flickr30k:1", "coco:1"}) == ("gqa", "coco, flickr30k")
    assert unmapped_images({"flickr30k:1"}, {"flickr30k:1", "coco:1"}) == ("flickr30k", "coco, flickr30k")
    assert unmapped_images({"gqa:1"}, {"gqa:2"}) is None
    assert unmapped_images({"openmoji:1F600"}, {"coco:1"}) is unmapped_images(set(), {"coco:1"}) is None
