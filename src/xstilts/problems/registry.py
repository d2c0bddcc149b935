"""The one table that says what each shape of task needs: example type, head, metrics. No torch here."""

from dataclasses import dataclass
from typing import Literal

from xstilts.problems.examples import Caption, Choice, Example, ImageText, Labelled, Parallel, Sentence, Span, Tagged

ProblemName = Literal[
    "classification", "choice", "span", "tagging", "retrieval", "mining", "image-text", "image-retrieval"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`metrics` are names in `xstilts.metrics`; the first is the one that tables and contrasts use.

    `auto_model` is the transformers class whose head is trained, None where nothing is trained, and where images are
    read, which have heads of our own.
    `shots_unit` says what k counts in a few-shot draw.
    """

    example: type[Example]
    auto_model: str | None
    metrics: tuple[str, ...]
    shots_unit: Literal["per class", "sentences", "items"] | None
    images: bool = False
    """Whether examples show images."""

    @property
    def classes(self) -> bool:
        """Whether every example, or every word of it, has one of the task's classes, and shows no image."""
        return self.auto_model in ("AutoModelForSequenceClassification", "AutoModelForTokenClassification")

    @property
    def trained(self) -> bool:
        """Whether there is something to train; if not, an arm of it is an encoder."""
        return self.auto_model is not None or self.images


PROBLEMS: dict[ProblemName, Problem] = {
    "classification": Problem(
        example=Labelled,
        auto_model="AutoModelForSequenceClassification",
        metrics=("macro_f1", "accuracy"),
        shots_unit="per class",
    ),
    "choice": Problem(
        example=Choice, auto_model="AutoModelForMultipleChoice", metrics=("accuracy",), shots_unit="items"
    ),
    "span": Problem(
        example=Span,
        auto_model="AutoModelForQuestionAnswering",
        metrics=("f1", "exact_match"),
        shots_unit="items",
    ),
    "tagging": Problem(
        example=Tagged,
        auto_model="AutoModelForTokenClassification",
        metrics=("span_f1", "token_accuracy"),
        shots_unit="sentences",
    ),
    "retrieval": Problem(
        example=Parallel,
        auto_model=None,
        metrics=("retrieval_accuracy", "to_english", "from_english"),
        shots_unit=None,
    ),
    "mining": Problem(
        example=Sentence,
        auto_model=None,
        metrics=("pair_f1", "pair_precision", "pair_recall"),
        shots_unit=None,
    ),
    "image-text": Problem(
        example=ImageText,
        auto_model=None,
        metrics=("accuracy", "macro_f1"),
        shots_unit="per class",
        images=True,
    ),
    "image-retrieval": Problem(
        example=Caption,
        auto_model=None,
        metrics=("recall_at_1", "image_recall_at_1", "text_recall_at_1", "recall_at_10"),
        shots_unit="items",
        images=True,
    ),
}
