"""Rows of NLVR2: whether a statement about two photographs is true."""

from xstilts.formats.tables import Row
from xstilts.tasks._iglue import true_false_label

FAMILY = "nlvr2"
ENGLISH = {split: f"nlvr2/annotations/{split}.jsonl" for split in ("train", "dev", "test")}


def statement(row: Row) -> Row:
    """Images are named after the statement's identifier, split-set-pair-sentence; the eight images of a set are one
    group, because their pairs share a sentence."""
    split, collection, pair, _ = row["identifier"].split("-")
    images = tuple(f"nlvr2:{split}-{collection}-{pair}-img{side}" for side in (0, 1))
    return {
        "id": row["identifier"],
        "text": row["sentence"],
        "images": images,
        "label": true_false_label(row["label"]),
        "unit": f"{split}-{collection}",
    }
