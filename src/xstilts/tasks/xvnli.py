"""XVNLI: whether an image of Flickr30k entails a sentence, in five languages."""

from fractions import Fraction

from xstilts.formats.tables import rows
from xstilts.tasks import _iglue as iglue
from xstilts.tasks._snli_ve import FAMILY, hypothesis
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

LANGUAGES = ("en", "ar", "es", "fr", "ru")
SHOT_SIZES = ("1", "5", "10", "20", "25", "48")
"""Images, each with all its sentences."""
_SHOTS = "XVNLI/annotations/{language}/train_{k}.jsonl"
UNLABELLED = 14
"""Rows of the test set, in every language, on whose label the annotators did not agree."""
LABELLED = 1150

TASK = Task(
    name="xvnli",
    problem="image-text",
    suite=("iglue",),
    languages=LANGUAGES,
    benchmark=Benchmark(
        native=(
            Native(
                read=rows,
                files={
                    "train": iglue.largest_first(_SHOTS, SHOT_SIZES),
                    "dev-mt": "XVNLI/annotations/en/dev-{language}_gmt.jsonl",
                    "test": "XVNLI/annotations/{language}/test.jsonl",
                    "test-mt": "XVNLI/annotations_machine-translate/{language}/test.jsonl",
                    **iglue.fixed_shot_files(_SHOTS, SHOT_SIZES),
                },
                english={"train": "XVNLI/annotations/en/train.jsonl", "dev": "XVNLI/annotations/en/dev.jsonl"},
                fields=hypothesis,
            ),
        ),
        hub=(),
        groups=iglue.group_by_unit,
    ),
    metrics=("accuracy", "iglue_compat", "macro_f1"),
    images=("flickr30k",),
    fixed_shot_sizes=dict.fromkeys(LANGUAGES, SHOT_SIZES),
    rows_per_item=float(Fraction(LABELLED + UNLABELLED, LABELLED)),
    split_family=FAMILY,
    licence="not stated upstream; IGLUE's repository is MIT and leaves the data of others under their own terms",
    citation=iglue.CITATION,
    url=iglue.URL,
    weaknesses=(
        "14 of 1,164 test rows have no label and are dropped; `iglue_compat` counts them as wrong, as IGLUE does",
        "languages are translations of each other; an image is one group in all of them",
        "the training set of a language other than English is the largest published few-shot file, 48 images; draws "
        "are sampled from it",
        "only an English dev set; `dev-mt` is its machine translation, `test-mt` the test set machine-translated into "
        "English",
    ),
    sizes=published_sizes("xvnli"),
)
