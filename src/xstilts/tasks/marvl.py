"""MaRVL: whether a statement about two photographs is true, written in five languages about their own cultures."""

from functools import partial
from pathlib import PurePosixPath

from xstilts.formats.tables import Row, rows
from xstilts.tasks import _iglue as iglue
from xstilts.tasks import _nlvr2 as nlvr2
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published

LANGUAGES = ("en", "id", "sw", "ta", "tr", "zh")
LADDER = ("1", "2", "4", "10", "10x2")
"""Concepts, each with one statement about four pairs of images, or with two."""
_SHOTS = "marvl/few_shot/annotations/marvl-{language}_train{k}.jsonl"
SHARED = ("zh", "73-福建土楼")
"""A concept whose images the few-shot set shares with the test set."""


def statement(row: Row, *, few: bool = False, draws: bool = False) -> Row | None:
    """Ids and concepts of the few-shot sets are told from those of the test sets, which go by the same names.

    For `draws` of our own, what shares images with the test set is left out.
    """
    language, concept = row["language"], row["concept"]
    if draws and (language, concept) == SHARED:
        return None
    mark = "few:" if few else ""
    return {
        "id": f"{mark}{row['id']}",
        "text": row["caption"],
        "images": tuple(f"marvl:{language}/{PurePosixPath(row[side]).name}" for side in ("left_img", "right_img")),
        "label": iglue.truth(row["label"]),
        "unit": f"{mark}{language}:{concept}",
    }


TASK = Task(
    name="marvl",
    problem="image-text",
    suite=("iglue",),
    languages=LANGUAGES,
    benchmark=Benchmark(
        native=(
            Native(
                read=rows,
                files={
                    "test": "marvl/zero_shot/annotations/marvl-{language}.jsonl",
                    "test-mt": "marvl/zero_shot/annotations_machine-translate/marvl-{language}_gmt.jsonl",
                },
                fields=statement,
            ),
            Native(read=rows, files=iglue.shots(_SHOTS, LADDER), fields=partial(statement, few=True)),
            Native(
                read=rows,
                files={"train": iglue.largest(_SHOTS, LADDER)},
                fields=partial(statement, few=True, draws=True),
            ),
            Native(
                read=rows,
                files={"dev-mt": "nlvr2/annotations/dev-{language}_gmt.jsonl"},
                english=nlvr2.ENGLISH,
                fields=nlvr2.statement,
            ),
        ),
        hub=(),
        groups=iglue.by_unit,
    ),
    metrics=("accuracy", "macro_f1"),
    images=("marvl", "nlvr2"),
    fixed_shot_sizes=dict.fromkeys(("id", "tr", "zh"), LADDER),
    split_family=nlvr2.FAMILY,
    licence="CC-BY-4.0; images for non-commercial research alone",
    citation="Liu et al. 2021, Visually Grounded Reasoning across Languages and Cultures",
    url="https://aclanthology.org/2021.emnlp-main.818",
    weaknesses=(
        "no English: train, dev and test are NLVR2's, as in IGLUE, whose English score is of its test-P",
        "languages are not translations of one another; a concept is the group",
        "few-shot sets in id, tr and zh alone; their ten concepts are in the test set too (tr: five of them), with "
        "other images",
        "in zh, images of one concept (73, Fujian tulou) are in `shots-10` (five), `shots-10x2` (seven) and in the "
        "test set as well; our own draws leave that concept out",
        "the training set of id, tr and zh is the largest published few-shot file, 80 rows (zh: 72, see above); shots "
        "of our own are drawn from it",
        "`dev-mt` is NLVR2's dev set in machine translation, `test-mt` the test set in machine-made English",
    ),
    sizes=published("marvl"),
)
