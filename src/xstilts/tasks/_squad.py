"""SQuAD v1.1: the training data of the question-answering targets, and the Hub's row format."""

from xstilts.formats.squad import squad_questions
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import Hub, Native

FILES = {"train": "squad/train-v1.1.json", "dev": "squad/dev-v1.1.json"}


def answered(row: Row) -> Row:
    """The row, without answers if none of them has a text: every question has an answer, so they were removed.

    XTREME's download script replaces the answers of test files by one with an empty text.
    """
    if any(str(text or "").strip() for text in row.get("answer_text", ())):
        return row
    return {name: value for name, value in row.items() if name not in ("answer_text", "answer_start")}


NATIVE = Native(read=squad_questions, english=FILES, fields=answered)


def hub_fields(row: Row) -> Row:
    """A row of the Hub, whose answers are a struct of lists."""
    answers = row["answers"]
    return {
        "id": row["id"],
        "title": row.get("title") or row["context"],
        "question": row["question"],
        "context": row["context"],
        "answer_text": answers["text"],
        "answer_start": answers.get("answer_start") or answers.get("start"),
    }


HUB = Hub(
    repository="rajpurkar/squad",
    revision="7b6d24c440a36b6815f21b70d25016731768db1f",
    config="plain_text",
    splits={"train": "train", "dev": "validation"},
    languages=("en",),
    fields=hub_fields,
)
