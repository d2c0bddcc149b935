"""GQA: questions about an image of Visual Genome, as IGLUE trains on them for xGQA."""

from xstilts.formats.image_annotations import visual_questions
from xstilts.tasks._gqa import FAMILY, LABELS, question
from xstilts.tasks._iglue import group_by_unit
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

TASK = Task(
    name="gqa",
    problem="image-text",
    suite=("iglue-english",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=visual_questions,
                english={
                    "train": "gqa/annotations/train.json",
                    "dev": "gqa/annotations/valid.json",
                    "testdev": "gqa/annotations/testdev.json",
                    "testdev-1944": "gqa/annotations/testdev_balanced_questions.json",
                },
                fields=question,
            ),
        ),
        hub=(),
        groups=group_by_unit,
        labels=LABELS,
    ),
    metrics=("accuracy",),
    images=("gqa",),
    split_family=FAMILY,
    licence="not stated upstream",
    citation="Hudson and Manning 2019, GQA: A New Dataset for Real-World Visual Reasoning and Compositional Question "
    "Answering",
    url="https://arxiv.org/abs/1902.09506",
    weaknesses=(
        "1,842 answer classes; questions with another answer count as wrong and are not used for training",
        "IGLUE trains on about 943,000 questions from a pickled file; train.json from the same folder is read instead",
        "the testdev_balanced_questions.json of IGLUE's repository has 1,944 of the 12,578 questions of testdev",
        "images have Visual Genome numbers; Visual Genome shares images with COCO, but the numbers cannot be mapped",
    ),
    sizes=published_sizes("gqa"),
)
