"""Images shared by training and evaluation: refused within a benchmark, counted across benchmarks, or unchecked."""

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
    """A job context whose artifact was trained on the examples of some tasks, one stage after another."""

    def __init__(self, **examples: Sequence[Example]) -> None:
        self.sets = {name.replace("_", "-"): tuple(split) for name, split in examples.items()}
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


def image_texts(*images: str) -> tuple[ImageText, ...]:
    return tuple(
        ImageText(id=image, group=image, language="en", text="short", images=(image,), label="true") for image in images
    )


CAPTIONS = tuple(
    Caption(id=image, group=image, language="de", text="kurz", image=image) for image in ("flickr30k:1", "coco:1")
)


def check(trained: Trained, task: str, scored: tuple[Example, ...]) -> tuple[list[str], dict[str, int]]:
    loaded, context = load_task(task), trained
    return (
        check_lineage(context, trained.last, loaded, "test", scored),  # type: ignore[arg-type]
        count_shared_images(context, trained.last, loaded, scored),  # type: ignore[arg-type]
    )


def test_images_shared_with_other_benchmarks_are_counted() -> None:
    trained = Trained(snli_ve=image_texts("flickr30k:1", "flickr30k:2"), nlvr2=image_texts("nlvr2:a"))
    unchecked, shared = check(trained, "xflickrco", CAPTIONS)
    assert shared == {"snli-ve": 1}
    assert unchecked == [
        "images of nlvr2 (nlvr2) against xflickrco (coco, flickr30k)",
        "images of snli-ve (flickr30k) against xflickrco (coco, flickr30k)",
        "nlvr2",
        "snli-ve",
    ]


def test_images_shared_within_a_benchmark_are_refused() -> None:
    train = (Caption(id="x", group="y", language="en", text="a", image="coco:1"),)
    with pytest.raises(LeakError) as caught:
        check(Trained(flickr30k=train), "xflickrco", CAPTIONS)
    assert "'xflickrco'" in caught.value.message and "'coco:1'" in caught.value.message
    with pytest.raises(LeakError) as caught:
        check(Trained(snli_ve=image_texts("flickr30k:1")), "xvnli", image_texts("flickr30k:1"))
    assert "'flickr30k:1'" in caught.value.message


def test_collections_that_cannot_be_mapped_are_unchecked() -> None:
    unchecked, shared = check(Trained(gqa=image_texts("gqa:1")), "xflickrco", CAPTIONS)
    assert unchecked == ["gqa", "images of gqa (gqa) against xflickrco (coco, flickr30k)"]
    assert shared == {}


def test_zero_shared_images_differ_from_incomparable_images() -> None:
    unchecked, shared = check(Trained(snli_ve=image_texts("flickr30k:9")), "flickr30k", CAPTIONS[:1])
    assert (unchecked, shared) == (["snli-ve"], {"snli-ve": 0})
