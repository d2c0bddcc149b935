"""The base classes of examples and of problems. No torch here.

Each kind of problem is one file in this package: a subclass of `Example`, a subclass of `Problem`, and a line in the
registry, `xstilts.problems.PROBLEMS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from xstilts.errors import DataError
from xstilts.problems.cells import FileRow
from xstilts.problems.features import Feature

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Head = Literal["sequence", "choice", "span", "token", "image-text", "contrastive"]
"""The head that `xstilts.models` adds to an encoder."""

AUTO_MODELS: Mapping[Head, str] = {
    "sequence": "AutoModelForSequenceClassification",
    "choice": "AutoModelForMultipleChoice",
    "span": "AutoModelForQuestionAnswering",
    "token": "AutoModelForTokenClassification",
}
"""The transformers class of each head; heads for images are our own."""

Loss = Literal["cross-entropy", "binary cross-entropy"]
ShotsUnit = Literal["per class", "sentences", "items"]
NormaliserName = Literal["squad", "squad2", "mlqa"]
Statistics = dict[str, list[float]]
"""By name, one number per item."""
Outputs = Mapping[str, Any]
"""A model's outputs by name, one row per feature: float32 tensors on the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One item of a task. Its `repr` is part of the cache key of features, so a new field invalidates them.

    `id` is unique within a task and language. `group` identifies what the example shares with others (a template, a
    country, an English string, a passage). It is the unit of splitting and resampling, the same in every language.
    """

    id: str
    group: str
    language: str

    @property
    def target(self) -> Any:
        """The label that a model predicts; None if the split has no labels."""
        raise NotImplementedError(type(self).__name__)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts by which the leakage check identifies the example."""
        raise NotImplementedError(type(self).__name__)

    @property
    def model_texts(self) -> tuple[str, ...]:
        """The texts in `language`, each as long as one input of the model; for tokenizer statistics."""
        return self.texts

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the head needs for the example; empty if it is unlabelled or the head has no classes."""
        return ()

    @property
    def stratum(self) -> str | None:
        """The single class of the example, by which few-shot draws are stratified; None if there is none."""
        return None

    @property
    def is_pair(self) -> bool:
        """Whether each sequence is a pair of texts; in some tasks, others are single texts."""
        return False

    @property
    def shown_images(self) -> tuple[str, ...]:
        """References of the example's images."""
        return ()

    @property
    def sampling_id(self) -> str:
        """The id that is hashed to decide whether a cap on the number of examples keeps this one."""
        return self.id

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The example with fields from JSON."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
        }
        return cls(**values)


E = TypeVar("E", bound=Example)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringRules:
    """How the predictions of one task and language are compared with gold."""

    normaliser: NormaliserName = "squad"
    """How answers are compared: by the rules of SQuAD v1.1, of SQuAD v2.0 (which has unanswerable questions), or of
    MLQA."""
    language: str = "en"
    rows_per_item: float | None = None
    """Rows of the published set per labelled item, if some rows have no label."""


def read_each(
    rows: Sequence[tuple[FileRow, str]], read: Callable[[FileRow, str], E]
) -> tuple[list[E], list[DataError]]:
    """The examples that `read` makes of rows and their ids, and the errors of those that cannot be used."""
    examples: list[E] = []
    errors: list[DataError] = []
    for row, name in rows:
        try:
            examples.append(read(row, name))
        except DataError as error:
            errors.append(error)
    return examples, errors


class Problem(ABC, Generic[E]):
    """One kind of problem: how its examples are read, encoded, trained on, predicted and scored.

    Class attributes declare its properties, methods are hooks. A hook with a default implementation is optional.
    """

    name: ClassVar[str]
    example: type[E]
    metrics: ClassVar[tuple[str, ...]]
    """Names in `xstilts.metrics`; tables and contrasts use the first one."""
    columns: ClassVar[tuple[str, ...]]
    """The required columns of a user's file. `id` and `group` are always optional."""
    label_columns: ClassVar[tuple[str, ...]] = ()
    """Columns with the label, which `predict` does not need."""
    optional_columns: ClassVar[tuple[str, ...]] = ()
    head: ClassVar[Head | None] = None
    """None if the problem has no training."""
    loss: ClassVar[Loss] = "cross-entropy"
    """For heads with classes: cross-entropy if each item has one class, binary cross-entropy if it has any number."""
    outputs: ClassVar[tuple[str, ...]] = ("logits",)
    """The outputs of the model that `decode` reads."""
    shots_unit: ClassVar[ShotsUnit | None] = None
    """The unit of k in few-shot draws; None if shots are not sampled."""
    pipeline_tag: ClassVar[str | None] = None
    """The Hub's name for the problem, on model cards."""
    reads_first_token: ClassVar[bool] = False
    """Whether the architecture's standard head reads only the first token."""
    splits_long_texts: ClassVar[bool] = False
    """Whether long texts become several features instead of being truncated."""
    has_thresholds: ClassVar[bool] = False
    """Whether `decode` applies thresholds that are fitted on held-out examples."""
    position_columns: ClassVar[tuple[Literal["words", "offsets"], ...]] = ()
    """The fields of `Feature` that map predictions back to the text."""
    translated_columns: ClassVar[tuple[str, ...]] = ()
    """The columns that are read from a translated row; other fields are those of the original example. Empty if the
    problem has no translated training data."""
    is_machine_translatable: ClassVar[bool] = False
    """Whether machine translation preserves the label."""
    is_translation: ClassVar[bool] = False
    """Whether an example is a text with its English translation."""
    is_mining: ClassVar[bool] = False
    """Whether examples are sentences from two collections, some of which are translations of each other."""
    trivial_baseline: ClassVar[str | None] = None
    """What `trivial_predictions` predicts, as tables name it; None if the problem has no such predictions."""
    trivial_baseline_uses_shots: ClassVar[bool] = False
    """Whether a few more training examples in the scored language can improve `trivial_predictions`."""
    matching: ClassVar[str] = ""
    """How sentence vectors solve the problem without training, for the report."""

    @property
    def auto_model(self) -> str | None:
        """The transformers class of the trained head; None if there is none."""
        return AUTO_MODELS.get(self.head) if self.head else None

    @property
    def is_trained(self) -> bool:
        """Whether models are trained on the problem. If not, its arms are encoders."""
        return self.head is not None

    @property
    def has_images(self) -> bool:
        """Whether examples have images."""
        return self.head in ("image-text", "contrastive")

    @property
    def is_contrastive(self) -> bool:
        """Whether examples are matched with each other: within a batch in training, within a split in scoring."""
        return self.head == "contrastive"

    @property
    def has_classes(self) -> bool:
        """Whether every example, or each of its words, has one of the task's classes, and there are no images."""
        return self.head in ("sequence", "token") and self.loss == "cross-entropy"

    @property
    def has_linear_head(self) -> bool:
        """Whether the head can end in one linear layer on the state of a text, a word, a choice or a text with its
        images, and so be solved in closed form."""
        return self.head in ("sequence", "token", "choice", "image-text")

    @abstractmethod
    def read(self, row: FileRow, name: str, language: str) -> E:
        """The example of a row. `name` is its id if the row has none. Without a label column it is unlabelled.

        Raises DataError with file and row for an invalid row.
        """

    def read_rows(self, rows: Sequence[tuple[FileRow, str]], language: str) -> tuple[list[E], list[DataError]]:
        """The examples of a file, from its rows and their ids, and an error for each row that cannot be used.

        A problem overrides it where a row means what the other rows say, such as tags of one scheme.
        """
        return read_each(rows, lambda row, name: self.read(row, name, language))

    @abstractmethod
    def encode(
        self,
        examples: Sequence[E],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        """Features of the examples, in order. `labels` are the head's classes; without them, features have no targets.

        Raises DataError for a label that the head does not have.
        """

    def label_names(self, example: E) -> tuple[str, ...]:
        """The labels of an example as a user names them, each as often as it occurs."""
        return example.classes

    def stored_target(self, values: list[int]) -> Any:
        """A feature's target from its stored integers."""
        return values[0]

    def targets(self, features: Sequence[Feature]) -> Mapping[str, Sequence[Any]]:
        """The labels of a batch as nested lists of numbers, by the names that the head's forward pass expects."""
        return {"labels": [feature.target for feature in features]}

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[E],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[Any]:
        """One prediction per example."""
        raise NotImplementedError(f"{self.name} examples are not predicted by a head")

    def fit_thresholds(
        self, outputs: Outputs, features: Sequence[Feature], examples: Sequence[E], labels: Sequence[str]
    ) -> list[float]:
        """Thresholds for `decode`, fitted on labelled examples that are neither trained on nor scored."""
        raise NotImplementedError(f"{self.name} examples are predicted without thresholds")

    def gold(self, examples: Sequence[E]) -> list[Any]:
        """The values that predictions are compared with; JSON-serialisable."""
        return [example.target for example in examples]

    @abstractmethod
    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Statistics per item that add up over items, from pairs of gold and predicted."""

    def trivial_predictions(self, training: Sequence[E], examples: Sequence[E]) -> list[Any]:
        """One prediction per example, as `decode` returns it, from the labels of the training examples.

        The texts of the examples are not read, except for the words that `tagging` looks up. Raises DataError if no
        training example has a label.
        """
        raise NotImplementedError(f"{self.name} examples have no trivial predictions")

    def display(self, example: E, prediction: Any) -> Any:
        """The prediction as `xstilts predict` writes it."""
        return prediction
