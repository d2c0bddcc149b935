"""Shared code of the IGLUE tasks: image references, names of few-shot splits, labels."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from xstilts.formats.tables import Row

CITATION = "Bugliarello et al. 2022, IGLUE: A Benchmark for Transfer Learning across Modalities, Tasks, and Languages"
URL = "https://arxiv.org/abs/2201.11732"


def group_by_unit(rows: Sequence[Row]) -> Sequence[str]:
    """Group rows by image or concept, which is the same in every language."""
    return [row["unit"] for row in rows]


def fixed_shot_files(pattern: str, sizes: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    """The files of the published few-shot splits; `{k}` is filled in."""
    return {f"shots-{k}": pattern.replace("{k}", k) for k in sizes}


def largest_first(pattern: str, sizes: Sequence[str]) -> tuple[str, ...]:
    """The few-shot files, largest first; shots are sampled from the first one that exists."""
    return tuple(pattern.replace("{k}", k) for k in reversed(sizes))


def photo_reference(file: str) -> str:
    """The reference of a Flickr30k or COCO image; the file name says which."""
    name = PurePosixPath(file).name.partition(".")[0]
    return f"coco:{name}" if name.startswith("COCO_") else f"flickr30k:{name}"


def true_false_label(value: object) -> str:
    """The label "true" or "false". Raises ValueError for any other value."""
    text = str(value).lower()
    if text not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return text
