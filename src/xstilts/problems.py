"""The one table that says what each shape of task needs: example type, head, metrics. No torch here."""

from dataclasses import dataclass
from typing import Literal

from xstilts.examples import Choice, Example, Labelled, Parallel, Sentence, Span, Tagged

ProblemName = Literal["classification", "choice", "span", "tagging", "retrieval", "mining"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`metrics` are names in `xstilts.metrics`; the first is the one that tables and contrasts use.

    `auto_model` is the transformers class whose head is trained, None where nothing is trained.
    `shots_unit` says what k counts in a few-shot draw.
    """

    example: type[Example]
    auto_model: str | None
    metrics: tuple[str, ...]
    shots_unit: Literal["per class", "sentences", "items"] | None

    @property
    def trained(self) -> bool:
        """Whether there is something to train; if not, an arm of it is an encoder."""
        return self.auto_model is not None


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
}
