"""Natural language inference: what its labels are called, wherever they come from."""

from xstilts.formats.tables import Row

LABELS = ("entailment", "neutral", "contradiction")
_LETTERS = {label[0]: label for label in LABELS}


def fields(row: Row) -> Row:
    """A row of the Hub or of jiant, whose label is a name, a letter, a number from 0, or -1 for none."""
    return {"text": row["premise"], "pair": row["hypothesis"], "label": label(row["label"])}


def label(value: object) -> str | None:
    """The name of a label. Raises ValueError for one that is no label of natural language inference."""
    if value is None or value in (-1, "-", ""):
        return None
    if isinstance(value, int) and 0 <= value < len(LABELS):
        return LABELS[value]
    text = _LETTERS.get(str(value), str(value))
    if text not in LABELS:
        raise ValueError(f"{value!r} is no label; there are {', '.join(LABELS)}")
    return text
