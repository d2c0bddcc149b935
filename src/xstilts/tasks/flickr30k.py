"""Flickr30k: which of many captions fits an image, and which image a caption, as IGLUE trains on it."""

from xstilts.formats.image_annotations import captions
from xstilts.tasks._captions import FAMILY, caption
from xstilts.tasks._iglue import group_by_unit
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

TASK = Task(
    name="flickr30k",
    problem="image-retrieval",
    suite=("iglue-english",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=captions,
                english={
                    "train": "flickr30k/annotations/train_ann.jsonl",
                    "dev": "flickr30k/annotations/valid_ann.jsonl",
                    "test": "flickr30k/annotations/test_ann.jsonl",
                },
                fields=caption,
            ),
        ),
        hub=(),
        groups=group_by_unit,
    ),
    images=("flickr30k",),
    retrieval_pool_size={"en": 1000},
    split_family=FAMILY,
    licence="not free: commercial use or redistribution is forbidden",
    citation="Young et al. 2014, From Image Descriptions to Visual Denotations",
    url="https://aclanthology.org/Q14-1006",
    weaknesses=(
        "five captions per image: text retrieval counts the best-ranked one",
        "IGLUE trains on about 145,000 captions",
        "the 1,000 test images are those of Flickr30k in xFlickr&CO",
    ),
    sizes=published_sizes("flickr30k"),
)
