"""Bitext mining: find translations in two comparable collections of sentences, one of them English."""

from collections.abc import Sequence
from functools import partial

from xstilts.formats.benchmarks import bucc_sentences
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import Benchmark, Hub, Native
from xstilts.tasks.task import Task

PAIRS = {"de": (1038, 9580), "fr": (929, 9086), "ru": (2374, 14435), "zh": (257, 1899)}
"""Gold pairs in dev and test."""


def groups(rows: Sequence[Row]) -> list[str]:
    """Group a sentence with its translation, by the id of the English sentence."""
    return [row["id"] if row["english"] or not row.get("partners") else row["partners"][0] for row in rows]


def official_id(name: str) -> str:
    """The id of a sentence in the files of its split, from the id of its example, such as "test:zh-000000012"."""
    return name.partition(":")[2]


def side(split: str, this_side: str, other_side: str, row: Row) -> Row:
    """One side of a pair on the Hub; its columns `*_lang` hold ids."""
    return {
        "id": f"{split}:{row[f'{this_side}_lang']}",
        "text": row[f"{this_side}_sentence"],
        "english": this_side == "target",
        "partners": [f"{split}:{row[f'{other_side}_lang']}"],
    }


def _hub(split: str, name: str) -> Hub:
    return Hub(
        repository="google/xtreme",
        revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
        config="bucc18.{language}",
        splits={split: name},
        fields=partial(side, split, "source", "target"),
        more_fields=(partial(side, split, "target", "source"),),
        keep=lambda row, language: bool(row["source_sentence"].strip() and row["target_sentence"].strip()),
    )


TASK = Task(
    name="bucc2018",
    problem="mining",
    suite=("xtreme",),
    languages=tuple(PAIRS),
    benchmark=Benchmark(
        native=(
            Native(
                read=bucc_sentences,
                files={"dev": "bucc2018/{language}-en.dev.*", "test": "bucc2018/{language}-en.test.*"},
            ),
        ),
        hub=(_hub("dev", "validation"), _hub("test", "test")),
        groups=groups,
        labels_from="https://comparable.limsi.fr/bucc2018 (training-gold, as bucc2018/xx-en.test.gold)",
    ),
    licence="not stated upstream",
    citation="Zweigenbaum, Sharoff and Rapp 2018, Overview of the Third BUCC Shared Task",
    url="https://comparable.limsi.fr/bucc2018",
    weaknesses=(
        "the copy on the Hub has only the sentences of the gold pairs: without the many sentences that have no "
        "translation, mining is much easier, and scores are not comparable with BUCC",
        "XTREME's download script deletes the gold pairs of test; to score them, keep bucc2018/*.test.gold",
        "XTREME's dev is BUCC's sample and its test is BUCC's training set",
    ),
    sizes={language: {"dev": 2 * dev, "test": 2 * test} for language, (dev, test) in PAIRS.items()},
)
