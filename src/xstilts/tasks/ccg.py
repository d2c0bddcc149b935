"""CCG supertagging: the lexical category of every word of CCGbank, whose licence forbids redistribution."""

from xstilts.formats.ccgbank import auto_derivations, staged_gold
from xstilts.tasks.benchmark import Benchmark, Native, group_by
from xstilts.tasks.task import Task, published_sizes

TASK = Task(
    name="ccg",
    problem="tagging",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(
                read=auto_derivations,
                english={
                    "train": ("ccg*/**/wsj_0[2-9]*.auto", "ccg*/**/wsj_1*.auto", "ccg*/**/wsj_2[01]*.auto"),
                    "dev": "ccg*/**/wsj_00*.auto",
                    "test": "ccg*/**/wsj_23*.auto",
                },
                every_pattern=True,
            ),
            Native(
                read=staged_gold,
                english={
                    "train": "ccg*/**/wsj02-21.stagedGold",
                    "dev": "ccg*/**/wsj00.stagedGold",
                    "test": "ccg*/**/wsj23.stagedGold",
                },
            ),
        ),
        hub=(),
        groups=group_by("words"),
    ),
    metrics=("token_accuracy",),
    licence="LDC2005T13, for members and licensees of the Linguistic Data Consortium",
    citation="Hockenmaier and Steedman 2007, CCGbank: A Corpus of CCG Derivations and Dependency Structures",
    url="https://catalog.ldc.upenn.edu/LDC2005T13",
    weaknesses=("English only", "not on the Hub: put CCGbank's files below the data root"),
    sizes=published_sizes("ccg"),
)
