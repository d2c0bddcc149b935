"""Rows of GQA and xGQA: questions about an image, with an English answer."""

from collections.abc import Mapping

from xstilts.formats.tables import Row

FAMILY = "gqa"
LABELS = "gqa/annotations/trainval_label2ans.json"
"""The 1,842 answers of GQA's training and development questions."""


def question(row: Row) -> Row | None:
    """A row in GQA's format, or in that of IGLUE's `train.json` and `valid.json`; None if it has no answer."""
    if "sent" in row:
        text, image, answer = row["sent"], row["img_id"], _best(row["label"])
    else:
        text, image, answer = row["question"], row["imageId"], row["answer"]
    if answer is None:
        return None
    reference = f"gqa:{image}"
    return {"id": row["question_id"], "text": text, "images": (reference,), "label": answer, "unit": reference}


def _best(answers: Mapping[str, float]) -> str | None:
    return max(answers, key=lambda answer: answers[answer], default=None)
