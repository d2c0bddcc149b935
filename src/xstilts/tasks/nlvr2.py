"""NLVR2: whether a statement about two photographs is true, as IGLUE trains on it for MaRVL."""

from xstilts.formats.tables import rows
from xstilts.tasks._iglue import group_by_unit
from xstilts.tasks._nlvr2 import ENGLISH, FAMILY, statement
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

TASK = Task(
    name="nlvr2",
    problem="image-text",
    suite=("iglue-english",),
    languages=("en",),
    benchmark=Benchmark(native=(Native(read=rows, english=ENGLISH, fields=statement),), hub=(), groups=group_by_unit),
    metrics=("accuracy", "macro_f1"),
    images=("nlvr2",),
    split_family=FAMILY,
    licence="not stated upstream; images for research only, on request",
    citation="Suhr et al. 2019, A Corpus for Reasoning about Natural Language Grounded in Photographs",
    url="https://arxiv.org/abs/1811.00491",
    weaknesses=(
        "`test` is the public one, test-P",
        "pairs from one set of eight images share their sentences, so a set is the group",
        "IGLUE trains on about 86,400 rows",
    ),
    sizes=published_sizes("nlvr2"),
)
