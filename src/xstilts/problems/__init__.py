"""The registry of problems: each kind has one file, and one line here."""

from collections.abc import Mapping
from typing import Any, Literal

from xstilts.problems.base import Example, Problem
from xstilts.problems.choice import Choice, MultipleChoice
from xstilts.problems.classification import Classification, Labelled
from xstilts.problems.image_retrieval import Caption, ImageRetrieval
from xstilts.problems.image_text import ImageText, ImageTextClassification
from xstilts.problems.mining import Mining, Sentence
from xstilts.problems.multi_label import MultiLabelClassification, MultiLabelled
from xstilts.problems.retrieval import Parallel, Retrieval
from xstilts.problems.span import Answer, QuestionAnswering, Span
from xstilts.problems.tagging import Tagged, Tagging

ProblemName = Literal[
    "classification", "multi-label", "choice", "span", "tagging", "retrieval", "mining", "image-text", "image-retrieval"
]

PROBLEMS: Mapping[ProblemName, Problem[Any]] = {
    "classification": Classification(),
    "multi-label": MultiLabelClassification(),
    "choice": MultipleChoice(),
    "span": QuestionAnswering(),
    "tagging": Tagging(),
    "retrieval": Retrieval(),
    "mining": Mining(),
    "image-text": ImageTextClassification(),
    "image-retrieval": ImageRetrieval(),
}

__all__ = [
    "PROBLEMS",
    "Answer",
    "Caption",
    "Choice",
    "Example",
    "ImageText",
    "Labelled",
    "MultiLabelled",
    "Parallel",
    "Problem",
    "ProblemName",
    "Sentence",
    "Span",
    "Tagged",
]
