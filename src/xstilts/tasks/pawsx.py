"""Whether two sentences with high word overlap are paraphrases, in seven languages."""

from xstilts.formats.benchmarks import headerless_tsv, unquoted_tsv
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import LABELS_ON_HUB, Benchmark, Hub, Native, group_by_shared_text
from xstilts.tasks.task import Task, published_sizes


def _official(row: Row) -> Row:
    return {"text": row["sentence1"], "pair": row["sentence2"], "label": str(row["label"])}


TASK = Task(
    name="pawsx",
    problem="classification",
    suite=("xtreme",),
    languages=("en", "de", "es", "fr", "ja", "ko", "zh"),
    benchmark=Benchmark(
        native=(
            Native(
                read=headerless_tsv("text", "pair", optional="label"),
                files={split: f"pawsx/{split}-{{language}}.tsv" for split in ("dev", "test")},
                english={"train": "pawsx/train-en.tsv"},
            ),
            Native(
                read=unquoted_tsv,
                files={
                    "train": ("x-final/{language}/translated_train.tsv", "x-final/{language}/train.tsv"),
                    "dev": "x-final/{language}/dev_2k.tsv",
                    "test": "x-final/{language}/test_2k.tsv",
                },
                fields=_official,
            ),
        ),
        hub=(
            Hub(
                repository="google-research-datasets/paws-x",
                revision="4cd8187c404bda33cb1f62b49b001115862acf37",
                config="{language}",
                splits={"train": "train", "dev": "validation", "test": "test"},
                fields=_official,
            ),
        ),
        groups=group_by_shared_text("text", "pair"),
        labels_from=LABELS_ON_HUB,
        pivot="position",
    ),
    metrics=("accuracy", "macro_f1"),
    licence="free for any purpose; an acknowledgement of Google LLC is appreciated",
    citation="Yang et al. 2019, PAWS-X: A Cross-lingual Adversarial Dataset for Paraphrase Identification",
    url="https://aclanthology.org/D19-1382",
    weaknesses=(
        "dev and test are parallel across languages; sentences recur, so pairs that share a sentence form one group",
        "training data in languages other than English are machine translations",
        "a file whose number of rows differs from the English file cannot be paired with it and has its own groups",
    ),
    sizes=published_sizes("pawsx"),
)
