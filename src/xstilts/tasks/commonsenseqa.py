"""Which of five answers common sense gives: the official random split."""

from xstilts.formats.tables import Row, rows
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes


def _official(row: Row) -> Row:
    """A row of the authors' files, with the choices inside the question."""
    question = row["question"]
    return _choice(question["stem"], [(c["label"], c["text"]) for c in question["choices"]], row.get("answerKey"))


def _hub(row: Row) -> Row:
    choices = row["choices"]
    return _choice(row["question"], list(zip(choices["label"], choices["text"], strict=True)), row.get("answerKey"))


def _choice(question: str, choices: list[tuple[str, str]], key: str | None) -> Row:
    labels = [label for label, _ in choices]
    answer = str(labels.index(key)) if key else None
    return {"prompt": question, "choices": [text for _, text in choices], "answer": answer}


TASK = Task(
    name="commonsenseqa",
    problem="choice",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=rows,
                english={"train": "commonsense*/train_rand_split.jsonl", "dev": "commonsense*/dev_rand_split.jsonl"},
                fields=_official,
            ),
            Native(read=rows, english={"dev": "commonsense*/dev_rand_split.hf.jsonl"}, fields=_hub),
        ),
        hub=(
            Hub(
                repository="tau/commonsense_qa",
                revision="94630fe30dad47192a8546eb75f094926d47e155",
                config="default",
                splits={"train": "train", "dev": "validation"},
                fields=_hub,
            ),
        ),
        groups=group_by("prompt"),
    ),
    licence="MIT",
    citation="Talmor et al. 2019, CommonsenseQA: A Question Answering Challenge Targeting Commonsense Knowledge",
    url="https://aclanthology.org/N19-1421",
    weaknesses=("English only", "the labels of the official test set are not public"),
    sizes=published_sizes("commonsenseqa"),
)
