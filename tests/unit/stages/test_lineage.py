"""Images that training and evaluation share: refused within a benchmark, counted across, unchecked where unknown."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from xstilts.errors import LeakError
from xstilts.planning.stage import Data, SplitRead
from xstilts.problems import Caption, Example, ImageText
from xstilts.stages.lineage import check_lineage, count_shared_images
from xstilts.tasks import load_task


class Trained:
    """A workshop whose artifact was trained on the examples of some tasks, one stage after another."""

    def __init__(self, **examples: Sequence[Example]) -> None:
        self.sets = {name.replace("_", "-"): tuple(found) for name, found in examples.items()}
        self.store = self

    def manifest(self, key: str) -> Any:
        names = list(self.sets)
        if key == "pretrained":
            return SimpleNamespace(reads=(), inputs=())
        number = int(key)
        data = Data(task=names[number], fingerprint="", language="en")
        parent = str(number - 1) if number else "pretrained"
        read = SplitRead(data=data, split="train", role="train")
        return SimpleNamespace(reads=(read, replace(read, split="dev", role="select")), inputs=(parent,))

    @property
    def last(self) -> str:
        return str(len(self.sets) - 1)

    def task(self, name: str) -> Any:
        return load_task(name)

    def examples(self, data: Any, split: str) -> tuple[Example, ...]:
        assert split == "train"
        return self.sets[data.task]

    def cached(self, slot: object, key: object, make: Callable[[], Any]) -> Any:
        return make()


def pictures(*images: str) -> tuple[ImageText, ...]:
    return tuple(
        ImageText(id=image, group=image, language="en", text="short", images=(image,), label="true") for image in images
    )


CAPTIONS = tuple(
    Caption(id=image, group=image, language="de", text="kurz", image=image) for image in ("flickr30k:1", "coco:1")
)


def check(trained: Trained, task: str, scored: tuple[Example, ...]) -> tuple[list[str], dict[str, int]]:
    loaded, context = load_task(task), trained
    return (
        check_lineage(context, trained.last, loaded, scored),  # type: ignore[arg-type]
        count_shared_images(context, trained.last, loaded, scored),  # type: ignore[arg-type]
    )


def test_other_benchmarks_images_are_counted() -> None:
    trained = Trained(snli_ve=pictures("flickr30k:1", "flickr30k:2"), nlvr2=pictures("nlvr2:a"))
    unchecked, shared = check(trained, "xflickrco", CAPTIONS)
    assert shared == {"snli-ve": 1}
    assert unchecked == [
        "images of nlvr2 (nlvr2) against xflickrco (coco, flickr30k)",
        "images of snli-ve (flickr30k) against xflickrco (coco, flickr30k)",
        "nlvr2",
        "snli-ve",
    ]


def test_a_benchmarks_own_images_are_refused() -> None:
    train = (Caption(id="x", group="y", language="en", text="a", image="coco:1"),)
    with pytest.raises(LeakError, match=r"task 'xflickrco': .* share the image 'coco:1'"):
        check(Trained(flickr30k=train), "xflickrco", CAPTIONS)
    with pytest.raises(LeakError, match="share the group 'flickr30k:1'"):
        check(Trained(snli_ve=pictures("flickr30k:1")), "xvnli", pictures("flickr30k:1"))


def test_what_cannot_be_mapped_is_unchecked() -> None:
    unchecked, shared = check(Trained(gqa=pictures("gqa:1")), "xflickrco", CAPTIONS)
    assert unchecked == ["gqa", "images of gqa (gqa) against xflickrco (coco, flickr30k)"]
    assert shared == {}


def test_nothing_shared_is_told_apart_from_nothing_comparable() -> None:
    unchecked, shared = check(Trained(snli_ve=pictures("flickr30k:9")), "flickr30k", CAPTIONS[:1])
    assert (unchecked, shared) == (["snli-ve"], {"snli-ve": 0})
