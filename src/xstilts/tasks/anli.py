"""ANLI+: SNLI, MNLI and the three adversarial rounds of ANLI under one head."""

from xstilts.formats.benchmarks import Reader, unquoted_tsv
from xstilts.formats.tables import Row, rows
from xstilts.tasks import _nli as nli
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes


def _round(row: Row) -> Row:
    """A row of ANLI's own files, whose premise is called context."""
    return {"text": row.get("context") or row["premise"], "pair": row["hypothesis"], "label": nli.label(row["label"])}


def _sentences(row: Row) -> Row | None:
    """A row of SNLI's or MNLI's own files."""
    return _majority({"text": row["sentence1"], "pair": row["sentence2"], "label": nli.label(row.get("gold_label"))})


def _majority(row: Row) -> Row | None:
    return row if row["label"] else None


def _nli_files(read: Reader, train: str, dev: str) -> Native:
    return Native(read=read, english={"train": train, "dev": dev}, fields=_sentences)


TASK = Task(
    name="anli",
    problem="classification",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=rows, english={"train": "anli/**/R?/train.jsonl", "dev": "anli/**/R?/dev.jsonl"}, fields=_round
            ),
            _nli_files(rows, "snli/snli_1.0_train.jsonl", "snli/snli_1.0_dev.jsonl"),
            _nli_files(unquoted_tsv, "MNLI/train.tsv", "MNLI/dev_matched.tsv"),
        ),
        hub=(
            Hub(
                repository="facebook/anli",
                revision="8e4813d81f46d313dac7892e1c28076917cfcdf9",
                config="plain_text",
                splits={"train": "train_r?", "dev": "dev_r?"},
                fields=nli.fields,
            ),
            Hub(
                repository="stanfordnlp/snli",
                revision="cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
                config="plain_text",
                splits={"train": "train", "dev": "validation"},
                fields=lambda row: _majority(nli.fields(row)),
            ),
            Hub(
                repository="nyu-mll/glue",
                revision="bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
                config="mnli",
                splits={"train": "train", "dev": "validation_matched"},
                fields=nli.fields,
            ),
        ),
        groups=group_by("text"),
        concatenate_layouts=True,
    ),
    metrics=("accuracy", "macro_f1"),
    licence="CC-BY-NC-4.0 (ANLI), CC-BY-SA-4.0 (SNLI), OANC and others (MNLI)",
    citation="Nie et al. 2020, Adversarial NLI: A New Benchmark for Natural Language Understanding",
    url="https://aclanthology.org/2020.acl-main.441",
    weaknesses=(
        "English only",
        "only the available parts are read: if the data root has only the rounds of ANLI, only the rounds",
        "pairs without a majority label are left out; the published sizes still count them",
    ),
    sizes=published_sizes("anli"),
)
