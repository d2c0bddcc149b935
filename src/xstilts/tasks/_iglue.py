"""What the tasks of IGLUE share: references of images, names of few-shot splits, labels."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from xstilts.formats.tables import Row

CITATION = "Bugliarello et al. 2022, IGLUE: A Benchmark for Transfer Learning across Modalities, Tasks, and Languages"
URL = "https://arxiv.org/abs/2201.11732"


def group_by_unit(rows: Sequence[Row]) -> Sequence[str]:
    """The image, or the concept, that a row belongs to: the same in every language."""
    return [row["unit"] for row in rows]


def fixed_shot_files(pattern: str, sizes: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    """The few-shot splits as they are published; `{k}` is filled in."""
    return {f"shots-{k}": pattern.replace("{k}", k) for k in sizes}


def largest_first(pattern: str, sizes: Sequence[str]) -> tuple[str, ...]:
    """The files of a ladder, the largest before the others: the pool that draws of our own are taken from."""
    return tuple(pattern.replace("{k}", k) for k in reversed(sizes))


def photo_reference(file: str) -> str:
    """The reference of an image of Flickr30k or of COCO, which are told apart by the names of their files."""
    name = PurePosixPath(file).name.partition(".")[0]
    return f"coco:{name}" if name.startswith("COCO_") else f"flickr30k:{name}"


def true_false_label(value: object) -> str:
    """The label of a statement: "true" or "false". Raises ValueError where it is neither."""
    text = str(value).lower()
    if text not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return text
