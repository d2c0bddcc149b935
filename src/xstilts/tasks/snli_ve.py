"""SNLI-VE: whether an image of Flickr30k entails a sentence, as IGLUE trains on it for XVNLI."""

from xstilts.formats.tables import rows
from xstilts.tasks._iglue import group_by_unit
from xstilts.tasks._snli_ve import FAMILY, hypothesis
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

TASK = Task(
    name="snli-ve",
    problem="image-text",
    suite=("iglue-english",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=rows,
                english={"train": "XVNLI/annotations/en/train.jsonl", "dev": "XVNLI/annotations/en/dev.jsonl"},
                fields=hypothesis,
            ),
        ),
        hub=(),
        groups=group_by_unit,
    ),
    metrics=("accuracy", "macro_f1"),
    images=("flickr30k",),
    split_family=FAMILY,
    licence="not stated upstream; images and captions are Flickr30k's, labels SNLI's, each under terms of their own",
    sizes=published_sizes("snli-ve"),
    citation="Xie et al. 2019, Visual Entailment: A Novel Task for Fine-Grained Image Understanding",
    url="https://arxiv.org/abs/1901.06706",
    weaknesses=(
        "labels were annotated for the text premise, not the image, so they do not always match the image",
        "rows without a majority label are dropped; IGLUE trains on about 541,000 rows, which include them",
    ),
)
