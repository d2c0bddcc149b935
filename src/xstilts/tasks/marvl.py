"""MaRVL: whether a statement about two photographs is true, written in five languages about their own cultures."""

from functools import partial
from pathlib import PurePosixPath

from xstilts.formats.tables import Row, rows
from xstilts.tasks import _iglue as iglue
from xstilts.tasks import _nlvr2 as nlvr2
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

LANGUAGES = ("en", "id", "sw", "ta", "tr", "zh")
SHOT_SIZES = ("1", "2", "4", "10", "10x2")
"""Concepts, each with one statement about four pairs of images, or with two."""
_SHOTS = "marvl/few_shot/annotations/marvl-{language}_train{k}.jsonl"
SHARED = ("zh", "73-福建土楼")
"""A concept with images in both the few-shot set and the test set."""


def statement(row: Row, *, few_shot: bool = False, for_draws: bool = False) -> Row | None:
    """A row. Ids and concepts of few-shot sets get a prefix, because the test sets use the same names.

    With `for_draws`, rows that share images with the test set are skipped.
    """
    language, concept = row["language"], row["concept"]
    if for_draws and (language, concept) == SHARED:
        return None
    prefix = "few:" if few_shot else ""
    return {
        "id": f"{prefix}{row['id']}",
        "text": row["caption"],
        "images": tuple(f"marvl:{language}/{PurePosixPath(row[side]).name}" for side in ("left_img", "right_img")),
        "label": iglue.true_false_label(row["label"]),
        "unit": f"{prefix}{language}:{concept}",
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
            Native(
                read=rows, files=iglue.fixed_shot_files(_SHOTS, SHOT_SIZES), fields=partial(statement, few_shot=True)
            ),
            Native(
                read=rows,
                files={"train": iglue.largest_first(_SHOTS, SHOT_SIZES)},
                fields=partial(statement, few_shot=True, for_draws=True),
            ),
            Native(
                read=rows,
                files={"dev-mt": "nlvr2/annotations/dev-{language}_gmt.jsonl"},
                english=nlvr2.ENGLISH,
                fields=nlvr2.statement,
            ),
        ),
        hub=(),
        groups=iglue.group_by_unit,
    ),
    metrics=("accuracy", "macro_f1"),
    images=("marvl", "nlvr2"),
    fixed_shot_sizes=dict.fromkeys(("id", "tr", "zh"), SHOT_SIZES),
    split_family=nlvr2.FAMILY,
    licence="CC-BY-4.0; images for non-commercial research only",
    citation="Liu et al. 2021, Visually Grounded Reasoning across Languages and Cultures",
    url="https://aclanthology.org/2021.emnlp-main.818",
    weaknesses=(
        "no English data of its own: as in IGLUE, English train, dev and test (test-P) are NLVR2's",
        "languages are not translations of each other; a concept is the group",
        "few-shot sets only in id, tr and zh; their ten concepts are also in the test set (tr: five of them), with "
        "other images",
        "in zh, images of one concept (73, Fujian tulou) are in `shots-10` (five), `shots-10x2` (seven) and also in "
        "the test set; sampled draws exclude that concept",
        "the training set of id, tr and zh is the largest published few-shot file, 80 rows (zh: 72, see above); draws "
        "are sampled from it",
        "`dev-mt` is NLVR2's dev set machine-translated, `test-mt` the test set machine-translated into English",
    ),
    sizes=published_sizes("marvl"),
)
