"""What a kind of problem is: the base classes of examples and of problems. No torch here.

A kind is one file beside this one: a subclass of `Example`, a subclass of `Problem`, and a line in the registry
(`xstilts.problems`). Everything else asks the registry.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from xstilts.problems.cells import Cells
from xstilts.problems.features import Feature

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Head = Literal["sequence", "choice", "span", "token", "image-text", "contrastive"]
"""What `xstilts.models` puts on an encoder."""

AUTO_MODELS: Mapping[Head, str] = {
    "sequence": "AutoModelForSequenceClassification",
    "choice": "AutoModelForMultipleChoice",
    "span": "AutoModelForQuestionAnswering",
    "token": "AutoModelForTokenClassification",
}
"""The transformers class of a head; heads that read images are our own."""

Loss = Literal["cross-entropy", "binary cross-entropy"]
ShotsUnit = Literal["per class", "sentences", "items"]
NormaliserName = Literal["squad", "mlqa"]
Statistics = dict[str, list[float]]
"""By name, one number for each item."""
Outputs = Mapping[str, Any]
"""A model's outputs by name: for each feature its row, a float32 tensor on the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One item of a task. Its `repr` is hashed for cached features, so a field changes what they are named.

    `id` is unique within a task and language. `group` names what the example belongs to (template, country, English
    string, passage): the unit of splitting and of resampling, the same in every language.
    """

    id: str
    group: str
    language: str

    @property
    def target(self) -> Any:
        """What a model has to predict; None where the split has no labels."""
        raise NotImplementedError(type(self).__name__)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts by which the leak check recognises the example."""
        raise NotImplementedError(type(self).__name__)

    @property
    def model_texts(self) -> tuple[str, ...]:
        """The texts in `language`, each as long as what the model reads at once: for statistics of the tokenizer."""
        return self.texts

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the head that the example needs; empty where it is unlabelled or the head has none."""
        return ()

    @property
    def stratum(self) -> str | None:
        """The single class of the example, by which few-shot draws are stratified; None where there is none."""
        return None

    @property
    def is_pair(self) -> bool:
        """Whether two texts are read together in each sequence, where others of the task may be one text."""
        return False

    @property
    def shown_images(self) -> tuple[str, ...]:
        """References of the images that the example shows."""
        return ()

    @property
    def sampling_id(self) -> str:
        """By whose hash a cap on the number of examples keeps the example or leaves it out."""
        return self.id

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The example whose fields were written as JSON."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
        }
        return cls(**values)


E = TypeVar("E", bound=Example)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringRules:
    """How the predictions of one task and language are compared with gold."""

    normaliser: NormaliserName = "squad"
    """How answers are normalised."""
    language: str = "en"
    rows_per_item: float | None = None
    """Rows of the published set for each item with a label, where some have none."""


class Problem(ABC, Generic[E]):
    """One kind of problem: how its examples are read, encoded, learned, predicted and scored.

    Class attributes declare what it has; the methods below are the hooks. Those with a default need no override.
    """

    name: ClassVar[str]
    example: type[E]
    metrics: ClassVar[tuple[str, ...]]
    """Names in `xstilts.metrics`; the first is the one that tables and contrasts use."""
    columns: ClassVar[tuple[str, ...]]
    """The columns that a user's file must have; every problem may have `id` and `group`."""
    label_columns: ClassVar[tuple[str, ...]] = ()
    """Those that hold the label: `predict` does without."""
    optional_columns: ClassVar[tuple[str, ...]] = ()
    head: ClassVar[Head | None] = None
    """None where nothing is trained."""
    loss: ClassVar[Loss] = "cross-entropy"
    """Of a head with classes: one of them is right, or each is right or wrong by itself."""
    outputs: ClassVar[tuple[str, ...]] = ("logits",)
    """The outputs of the model that `decode` reads."""
    shots_unit: ClassVar[ShotsUnit | None] = None
    """What k counts in a few-shot draw; None where none are drawn."""
    pipeline_tag: ClassVar[str | None] = None
    """The Hub's name for the problem, on model cards."""
    reads_first_token: ClassVar[bool] = False
    """Whether the architecture's own head reads the first token alone."""
    splits_long_texts: ClassVar[bool] = False
    """Whether long texts become several features, so that nothing is truncated."""
    has_thresholds: ClassVar[bool] = False
    """Whether `decode` applies thresholds that are fitted on held-out examples."""
    position_columns: ClassVar[tuple[Literal["words", "offsets"], ...]] = ()
    """Which of these fields a `Feature` has."""
    translated_columns: ClassVar[tuple[str, ...]] = ()
    """What is read of a row that translates an example; all else is the original's. Empty where none are read."""
    is_machine_translatable: ClassVar[bool] = False
    """Whether a translation model can carry the label over."""
    is_translation: ClassVar[bool] = False
    """Whether an example is a text with its English translation."""
    is_mining: ClassVar[bool] = False
    """Whether examples are sentences of two collections, some of which translate each other."""
    matching: ClassVar[str] = ""
    """How an encoder's vectors solve the problem without training, as the report says it."""

    @property
    def auto_model(self) -> str | None:
        """The transformers class whose head is trained, if it is one."""
        return AUTO_MODELS.get(self.head) if self.head else None

    @property
    def trained(self) -> bool:
        """Whether there is something to train; if not, an arm of it is an encoder."""
        return self.head is not None

    @property
    def images(self) -> bool:
        """Whether examples show images."""
        return self.head in ("image-text", "contrastive")

    @property
    def contrastive(self) -> bool:
        """Whether examples are told apart from each other: in training those of a batch, in scoring those of a set."""
        return self.head == "contrastive"

    @property
    def classes(self) -> bool:
        """Whether every example, or every word of it, has one of the task's classes, and shows no image."""
        return self.head in ("sequence", "token") and self.loss == "cross-entropy"

    @abstractmethod
    def read(self, cells: Cells, name: str, language: str) -> E:
        """The example of a row; `name` is its id unless the row has one. Without the label's column it is unlabelled.

        Raises DataError, naming file and row, for a row that cannot be used.
        """

    @abstractmethod
    def encode(
        self,
        examples: Sequence[E],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        """Features of the examples, in order. `labels` are the outputs of the head; None leaves targets out.

        Raises DataError where an example has a label that the head does not know.
        """

    def stored_target(self, values: list[int]) -> Any:
        """A feature's target from the numbers that it was stored as."""
        return values[0]

    def targets(self, features: Sequence[Feature]) -> Mapping[str, Sequence[Any]]:
        """The labels of a batch, under the names that the head's forward pass expects; nested lists of numbers."""
        return {"labels": [feature.target for feature in features]}

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[E],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[Any]:
        """One prediction for each example."""
        raise NotImplementedError(f"{self.name} examples are not predicted by a head")

    def fit_thresholds(
        self, outputs: Outputs, features: Sequence[Feature], examples: Sequence[E], labels: Sequence[str]
    ) -> list[float]:
        """Thresholds that `decode` applies, fitted on labelled examples that are neither trained on nor scored."""
        raise NotImplementedError(f"{self.name} examples are predicted without thresholds")

    def gold(self, examples: Sequence[E]) -> list[Any]:
        """What predictions are compared with; values that JSON can hold."""
        return [example.target for example in examples]

    @abstractmethod
    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Statistics that add over items, from pairs of gold and predicted."""

    def display(self, example: E, prediction: Any) -> Any:
        """A prediction as `predict` shows it."""
        return prediction
