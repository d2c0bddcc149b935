"""Whether an image entails a sentence: rows of SNLI-VE and XVNLI."""

from xstilts.formats.tables import Row
from xstilts.tasks._iglue import photo_reference

LABELS = ("contradiction", "entailment", "neutral")
FAMILY = "snli-ve"


def hypothesis(row: Row) -> Row | None:
    """The image and the hypothesis alone; the premise's text is not read. None where annotators did not agree."""
    label, image = row["gold_label"], photo_reference(row["Flikr30kID"])
    if label == "-":
        return None
    if label not in LABELS:
        raise ValueError(f"{label!r} is no label")
    return {"id": row["pairID"], "text": row["sentence2"], "images": (image,), "label": label, "unit": image}
