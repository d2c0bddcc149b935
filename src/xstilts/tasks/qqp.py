"""Whether two Quora questions are duplicates."""

from xstilts.formats.benchmarks import unquoted_tsv
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by_shared_text
from xstilts.tasks.task import Task, published_sizes


def _glue(row: Row) -> Row:
    return {"text": row["question1"], "pair": row["question2"], "label": row.get("is_duplicate")}


def _hub(row: Row) -> Row:
    return {
        "text": row["question1"],
        "pair": row["question2"],
        "label": None if row["label"] < 0 else str(row["label"]),
    }


TASK = Task(
    name="qqp",
    problem="classification",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=unquoted_tsv,
                english={"train": ("QQP/train.tsv", "qqp/train.tsv"), "dev": ("QQP/dev.tsv", "qqp/dev.tsv")},
                fields=_glue,
            ),
        ),
        hub=(
            Hub(
                repository="nyu-mll/glue",
                revision="bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
                config="qqp",
                splits={"train": "train", "dev": "validation"},
                fields=_hub,
            ),
        ),
        groups=group_by_shared_text("text", "pair"),
    ),
    metrics=("accuracy_f1", "accuracy"),
    licence="not stated for the data set; Quora's terms of service apply",
    citation="Iyer et al. 2017, First Quora Dataset Release: Question Pairs; as in GLUE (Wang et al. 2019)",
    url="https://openreview.net/forum?id=rJ4km2R5t7",
    weaknesses=("English only", "the official dev set shares questions with the training set"),
    sizes=published_sizes("qqp"),
)
