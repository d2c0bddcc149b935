"""Whether a premise entails a hypothesis, over ten genres of English."""

from xstilts.formats.benchmarks import unquoted_tsv
from xstilts.formats.tables import Row, rows
from xstilts.tasks import _nli as nli
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes


def _glue(row: Row) -> Row:
    return {"text": row["sentence1"], "pair": row["sentence2"], "label": nli.label(row.get("gold_label"))}


TASK = Task(
    name="mnli",
    problem="classification",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=unquoted_tsv,
                english={
                    "train": ("MNLI/train.tsv", "mnli/train.tsv"),
                    "dev": ("MNLI/dev_matched.tsv", "mnli/dev_matched.tsv"),
                    "dev-mismatched": ("MNLI/dev_mismatched.tsv", "mnli/dev_mismatched.tsv"),
                },
                fields=_glue,
            ),
            Native(
                read=rows,
                english={"train": "mnli/jiant_mnli_train.jsonl", "dev": "mnli/jiant_mnli_val.jsonl"},
                fields=nli.fields,
            ),
        ),
        hub=(
            Hub(
                repository="nyu-mll/glue",
                revision="bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
                config="mnli",
                splits={
                    "train": "train",
                    "dev": "validation_matched",
                    "dev-mismatched": "validation_mismatched",
                },
                fields=nli.fields,
            ),
        ),
        groups=group_by("text"),
    ),
    metrics=("accuracy", "macro_f1"),
    licence="OANC and others, as the MultiNLI paper lists them",
    citation="Williams et al. 2018, A Broad-Coverage Challenge Corpus for Sentence Understanding through Inference",
    url="https://aclanthology.org/N18-1101",
    weaknesses=("English only", "the labels of the official test set are not public: `dev` is the matched dev set"),
    sizes=published_sizes("mnli"),
)
