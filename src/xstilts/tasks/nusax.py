"""The sentiment of a review or comment, in Indonesian, ten local languages of Indonesia and English."""

from xstilts.tasks import _nusax
from xstilts.tasks.benchmark import Benchmark, group_by
from xstilts.tasks.task import Task

TASK = Task(
    name="nusax",
    problem="classification",
    suite=("lowres",),
    languages=tuple(_nusax.LANGUAGES),
    benchmark=Benchmark(native=(_nusax.NATIVE,), hub=(_nusax.HUB,), groups=group_by("text"), pivot="position"),
    licence="CC-BY-SA-4.0",
    citation="Winata et al. 2023, NusaX: Multilingual Parallel Sentiment Dataset for 10 Indonesian Local Languages",
    url="https://aclanthology.org/2023.eacl-main.57",
    weaknesses=(
        "parallel: rows are translations of Indonesian texts, and row n of a split is the same text in every language",
        "English is a translation too",
    ),
    sizes={language: {"train": 500, "dev": 100, "test": 400} for language in _nusax.LANGUAGES},
)
