"""Which of four endings continues a scene."""

from xstilts.formats.tables import Row, rows
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes


def _fields(row: Row) -> Row:
    label = row.get("label")
    return {
        "prompt": row["ctx_a"],
        "choices": [f"{row['ctx_b']} {ending}" for ending in row["endings"]],
        "answer": None if label in (None, "") else str(label),
        "source": row.get("source_id") or row["ctx_a"],
    }


TASK = Task(
    name="hellaswag",
    problem="choice",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=rows,
                english={
                    "train": "hellaswag/hellaswag_train.jsonl",
                    "dev": ("hellaswag/hellaswag_val.jsonl", "hellaswag/hellaswag_val_*.jsonl"),
                },
                fields=_fields,
            ),
        ),
        hub=(
            Hub(
                repository="Rowan/hellaswag",
                revision="218ec52e09a7e7462a5400043bb9a69a41d06b76",
                config="default",
                splits={"train": "train", "dev": "validation"},
                fields=_fields,
            ),
        ),
        groups=group_by("source"),
    ),
    licence="MIT",
    citation="Zellers et al. 2019, HellaSwag: Can a Machine Really Finish Your Sentence?",
    url="https://aclanthology.org/P19-1472",
    weaknesses=("English only", "the labels of the official test set are not public"),
    sizes=published_sizes("hellaswag"),
)
