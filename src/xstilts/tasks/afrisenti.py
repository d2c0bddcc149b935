"""The sentiment of a tweet in 14 African languages, with English training data from NusaX."""

from dataclasses import replace

from xstilts.formats.benchmarks import quoted_tsv
from xstilts.formats.tables import Row
from xstilts.tasks import _nusax
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task

LANGUAGES = {
    "am": "amh", "arq": "arq", "ary": "ary", "ha": "hau", "ig": "ibo", "rw": "kin", "om": "orm", "pcm": "pcm",
    "pt-MZ": "por", "sw": "swa", "ti": "tir", "ts": "tso", "tw": "twi", "yo": "yor",
}  # fmt: skip
_ROWS = {
    "en": (500, 100, 400), "am": (5984, 1497, 1999), "arq": (1651, 414, 958), "ary": (5583, 494, 2961),
    "ha": (14172, 2677, 5303), "ig": (10192, 1841, 3682), "rw": (3302, 827, 1026), "om": (0, 396, 2096),
    "pcm": (5121, 1281, 4154), "pt-MZ": (3063, 767, 3662), "sw": (1810, 453, 748), "ti": (0, 398, 2000),
    "ts": (804, 203, 254), "tw": (3481, 388, 949), "yo": (8522, 2090, 4515),
}  # fmt: skip
"""Rows of train, dev and test, counted in the repository's files."""
SIZES = {
    language: {split: rows for split, rows in zip(("train", "dev", "test"), counts, strict=True) if rows}
    for language, counts in _ROWS.items()
}
_LABELS = ("positive", "neutral", "negative")
"""In the order of the Hub's label ids."""


def _fields(row: Row) -> Row:
    return {"text": row["tweet"], "label": row["label"]}


def _hub_fields(row: Row) -> Row:
    return {"text": row["tweet"], "label": _LABELS[row["label"]]}


TASK = Task(
    name="afrisenti",
    problem="classification",
    suite=("lowres",),
    languages=("en", *LANGUAGES),
    benchmark=Benchmark(
        native=(
            Native(
                read=quoted_tsv,
                files={split: f"afrisenti/{{language}}/{split}.tsv" for split in ("train", "dev", "test")},
                names=LANGUAGES,
                fields=_fields,
            ),
            _nusax.ENGLISH,
        ),
        hub=(
            Hub(
                repository="mteb/AfriSentiClassification",
                revision="463850b9da81847227ff03f3f80a3310b93cba3c",
                config="{language}",
                splits={"train": "train", "dev": "validation", "test": "test"},
                languages=tuple(language for language in LANGUAGES if language not in ("om", "ti")),
                names=LANGUAGES,
                fields=_hub_fields,
            ),
            replace(_nusax.HUB, languages=("en",)),
        ),
        groups=group_by("text"),
    ),
    licence="CC-BY-4.0; the English texts of NusaX are CC-BY-SA-4.0",
    citation="Muhammad et al. 2023, AfriSenti: A Twitter Sentiment Analysis Benchmark for African Languages",
    url="https://aclanthology.org/2023.emnlp-main.862",
    weaknesses=(
        "AfriSenti has no English; the English texts are those of NusaX, which are reviews and comments, not tweets",
        "shares of the classes differ between splits: in Amharic, 52% of train and 11% of test are neutral",
        "equal tweets stand in several splits: 1,013 of 5,121 training rows of Nigerian Pidgin are in its test",
        "Oromo and Tigrinya have no training data",
    ),
    sizes=SIZES,
)
