"""Labels of natural language inference, normalised over data sets."""

from xstilts.formats.tables import Row

LABELS = ("entailment", "neutral", "contradiction")
_LETTERS = {label[0]: label for label in LABELS}


def fields(row: Row) -> Row:
    """A row of the Hub or of jiant; the label is a name, a letter, an index, or -1 for none."""
    return {"text": row["premise"], "pair": row["hypothesis"], "label": label(row["label"])}


def label(value: object) -> str | None:
    """The name of a label, or None for a missing label. Raises ValueError for an unknown one."""
    if value is None or value in (-1, "-", ""):
        return None
    if isinstance(value, int) and 0 <= value < len(LABELS):
        return LABELS[value]
    text = _LETTERS.get(str(value), str(value))
    if text not in LABELS:
        raise ValueError(f"{value!r} is not a label; known labels: {', '.join(LABELS)}")
    return text
