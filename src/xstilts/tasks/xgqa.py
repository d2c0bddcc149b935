"""xGQA: questions about an image in eight languages; the answer stays English."""

from xstilts.formats.image_annotations import visual_questions
from xstilts.tasks import _iglue as iglue
from xstilts.tasks._gqa import FAMILY, LABELS, question
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

LANGUAGES = ("en", "bn", "de", "id", "ko", "pt", "ru", "zh")
SHOT_SIZES = ("1", "5", "10", "20", "25", "48")
"""Images, each with all its questions."""
_FEW = "xGQA/annotations/few_shot/{language}/"
_ZERO = "zero_shot/testdev_balanced_questions_{language}.json"

TASK = Task(
    name="xgqa",
    problem="image-text",
    suite=("iglue",),
    languages=LANGUAGES,
    benchmark=Benchmark(
        native=(
            Native(
                read=visual_questions,
                files={
                    "train": iglue.largest_first(_FEW + "train_{k}.json", SHOT_SIZES),
                    "dev": _FEW + "dev.json",
                    "test-few-shot": _FEW + "test.json",
                    "test-zero-shot": f"xGQA/annotations/{_ZERO}",
                    "test-zero-shot-mt": f"xGQA/annotations_machine-translate/{_ZERO}",
                    **iglue.fixed_shot_files(_FEW + "train_{k}.json", SHOT_SIZES),
                },
                english={"train": "gqa/annotations/train.json"},
                fields=question,
            ),
        ),
        hub=(),
        groups=iglue.group_by_unit,
        labels=LABELS,
    ),
    metrics=("accuracy",),
    images=("gqa",),
    fixed_shot_sizes=dict.fromkeys(LANGUAGES, SHOT_SIZES),
    shots_unit="group",
    split_family=FAMILY,
    licence="CC-BY-4.0",
    citation="Pfeiffer et al. 2021, xGQA: Cross-Lingual Visual Question Answering",
    url="https://arxiv.org/abs/2109.06082",
    weaknesses=(
        "two test sets: `test-few-shot` (9,666 questions, 300 images) is IGLUE's, for zero-shot and few-shot; "
        "`test-zero-shot` (12,578 questions) is the xGQA paper's and contains the shots and the dev set",
        "GQA's 1,842 answer classes; questions with another answer count as wrong and are not used for training",
        "languages are translations of each other; an image is one group in all of them",
        "the training set of a language other than English is the largest published few-shot file, 48 images; a draw "
        "samples k of these images with all their questions",
        "the dev set is about as large as the largest few-shot file, so selecting on it is not few-shot",
    ),
    sizes=published_sizes("xgqa"),
)
