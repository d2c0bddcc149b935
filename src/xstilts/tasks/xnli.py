"""Whether a premise entails a hypothesis, in 15 languages."""

from xstilts.formats.benchmarks import headerless_tsv
from xstilts.formats.tables import Row
from xstilts.tasks import _nli as nli
from xstilts.tasks.benchmark import LABELS_ON_HUB, Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes


def _labelled(row: Row) -> Row:
    return {**row, "label": nli.label(row.get("label"))}


TASK = Task(
    name="xnli",
    problem="classification",
    suite=("xtreme",),
    languages=("en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    benchmark=Benchmark(
        native=(
            Native(
                read=headerless_tsv("text", "pair", optional="label"),
                files={split: f"xnli/{split}-{{language}}.tsv" for split in ("dev", "test")},
                english={"train": "xnli/train-en.tsv"},
                fields=_labelled,
            ),
        ),
        hub=(
            Hub(
                repository="facebook/xnli",
                revision="b8dd5d7af51114dbda02c0e3f6133f332186418e",
                config="{language}",
                splits={"train": "train", "dev": "validation", "test": "test"},
                fields=nli.fields,
            ),
        ),
        groups=group_by("text"),
        labels_from=LABELS_ON_HUB,
        pivot="position",
    ),
    metrics=("accuracy", "macro_f1"),
    licence="CC-BY-NC-4.0",
    citation="Conneau et al. 2018, XNLI: Evaluating Cross-lingual Sentence Representations",
    url="https://aclanthology.org/D18-1269",
    weaknesses=(
        "dev and test are translations of each other; the shared premise is the group",
        "training data in languages other than English are machine translations of MNLI",
    ),
    sizes=published_sizes("xnli"),
)
