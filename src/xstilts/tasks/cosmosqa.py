"""Which of four answers a story implies."""

from xstilts.formats.tables import Row, rows
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes

_ANSWERS = ("answer0", "answer1", "answer2", "answer3")


def _fields(row: Row) -> Row:
    label = row.get("label")
    return {
        "prompt": f"{row['context']} {row['question']}",
        "choices": [row[name] for name in _ANSWERS],
        "answer": None if label in (None, "", -1) else str(label),
        "context": row["context"],
    }


TASK = Task(
    name="cosmosqa",
    problem="choice",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(Native(read=rows, english={"train": "cosmos*/train.csv", "dev": "cosmos*/valid.csv"}, fields=_fields),),
        hub=(
            Hub(
                repository="allenai/cosmos_qa",
                revision="ed50fe83db62b355759053b1cd5eef344ee371e0",
                config="default",
                splits={"train": "train", "dev": "validation"},
                fields=_fields,
            ),
        ),
        groups=group_by("context"),
    ),
    licence="CC-BY-4.0",
    citation="Huang et al. 2019, Cosmos QA: Machine Reading Comprehension with Contextual Commonsense Reasoning",
    url="https://aclanthology.org/D19-1243",
    weaknesses=("English only", "the labels of the official test set are not public"),
    sizes=published_sizes("cosmosqa"),
)
