"""Names of people, places and organisations in Wikipedia (WikiANN, as XTREME cut it), in 40 languages."""

from xstilts.formats.benchmarks import tagged_sentences
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import LABELS_ON_HUB, Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes

_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""In the order of the Hub's label ids."""


def _words(row: Row) -> Row:
    """WikiANN's own files write the language before each word: `sw:Msimbo`."""
    return {**row, "words": [word.partition(":")[2] or word for word in row["words"]]}


def _hub(row: Row) -> Row:
    return {"words": row["tokens"], "tags": [_TAGS[tag] for tag in row["ner_tags"]]}


TASK = Task(
    name="panx",
    problem="tagging",
    suite=("xtreme",),
    languages=(
        "en", "af", "ar", "bg", "bn", "de", "el", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu", "id", "it",
        "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru", "sw", "ta", "te", "th", "tl", "tr",
        "ur", "vi", "yo", "zh",
    ),
    benchmark=Benchmark(
        native=(
            Native(read=tagged_sentences, files={s: f"panx/{s}-{{language}}.tsv" for s in ("train", "dev", "test")}),
            Native(
                read=tagged_sentences,
                files={s: f"panx_dataset/{{language}}-{s}" for s in ("train", "dev", "test")},
                fields=_words,
            ),
            Native(
                read=tagged_sentences,
                files={s: f"wikiann_{{language}}/{{language}}.tar.gz/{s}" for s in ("train", "dev", "test")},
                fields=_words,
            ),
        ),
        hub=(
            Hub(
                repository="google/xtreme",
                revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
                config="PAN-X.{language}",
                splits={"train": "train", "dev": "validation", "test": "test"},
                fields=_hub,
            ),
        ),
        groups=group_by("words"),
        labels_from=LABELS_ON_HUB,
    ),
    licence="not stated upstream",
    citation="Pan et al. 2017, Cross-lingual Name Tagging and Linking for 282 Languages; Rahimi et al. 2019",
    url="https://aclanthology.org/P17-1178",
    weaknesses=("silver annotation from Wikipedia links", "100 test sentences in jv, my and yo"),
    sizes=published_sizes("panx"),
)  # fmt: skip
