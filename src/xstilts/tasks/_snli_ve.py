"""Rows of SNLI-VE and XVNLI: whether an image entails a sentence."""

from xstilts.formats.tables import Row
from xstilts.tasks._iglue import photo_reference

LABELS = ("contradiction", "entailment", "neutral")
FAMILY = "snli-ve"


def hypothesis(row: Row) -> Row | None:
    """The image and the hypothesis, without the premise text. None if the annotators did not agree."""
    label, image = row["gold_label"], photo_reference(row["Flikr30kID"])
    if label == "-":
        return None
    if label not in LABELS:
        raise ValueError(f"{label!r} is not a label")
    return {"id": row["pairID"], "text": row["sentence2"], "images": (image,), "label": label, "unit": image}
