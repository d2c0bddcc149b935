"""What the stages of each kind record in their manifests. No torch here."""

from typing import Annotated, Any, Literal

from pydantic import Field

from xstilts.config.training import Frozen, Fusion
from xstilts.planning.specs import Modality
from xstilts.problems import ProblemName


class ImageInputFacts(Frozen):
    """How a text encoder is given images: each as `tokens` vectors of `channels`, from layer `layer` on."""

    channels: int
    tokens: int
    layer: int


class EncoderFacts(Frozen):
    """The pretrained encoder that an artifact goes back to."""

    name: str
    pin: str
    fusion: Fusion | None = None
    """None where it reads no images."""
    image_input: ImageInputFacts | None = None


class DualPreparation(Frozen):
    """How a dual encoder is given texts and images, as its own files state it."""

    texts: dict[str, bool | int | str | None]
    images: dict[str, Any]


class TrainingFacts(Frozen):
    """`weights_before` and `weights_after` are digests of the trained weights.

    Losses are means over the first and last tenth of the steps, None where the weights have a closed form. `step_kept`
    is 0 where no step was better than none, and None where checkpoints were averaged.
    """

    steps: int
    step_kept: int | None
    first_loss: float | None
    last_loss: float | None
    curve: tuple[tuple[int, float], ...]
    """Development scores by step."""
    weights_before: str
    weights_after: str

    @property
    def weights_changed(self) -> bool:
        return self.weights_before != self.weights_after


class ModelFacts(Frozen):
    """What a model with a head needs to predict."""

    problem: ProblemName
    labels: tuple[str, ...]
    task: str
    language: str
    max_length: int
    precision: str
    thresholds: tuple[float, ...] | None = None
    """Decision threshold of each label, where the problem has any."""
    columns: dict[str, str] | None = None
    """Columns of the user's files by field; None for a shipped task."""


class ScoreFacts(Frozen):
    by_metric: dict[str, float]
    """Of the task's metrics, 0 to 1."""
    items: int
    groups: int


class TextFacts(Frozen):
    """Of sub-words that are unknown, and of texts that are cut off: shares between 0 and 1."""

    unknown_rate: float
    tokens_per_word: float
    truncated_rate: float


class UnusableImages(Frozen):
    images: dict[str, str]
    """Images that cannot be read, with the reason."""
    items: int
    """Examples that are left out because they show one."""


class ImageControls(Frozen):
    """Scores by the task's metric: each text beside the images of another item; one label as the answer to all."""

    shuffled_images: float
    label_prior: float | None


class ItemScore(Frozen):
    items: int
    score: float


class TextsOfShots(Frozen):
    """Scores of the items whose text is that of a shot, and of the others; None where there are none."""

    seen: ItemScore | None
    unseen: ItemScore | None


class LeakFacts(Frozen):
    unchecked: tuple[str, ...]
    """Training tasks and corpora that could not be compared with the scored items."""
    images_shared: dict[str, int]
    """Scored images that other tasks showed in training, by task."""
    images_of_shots_scored: int | None = None
    """Scored images that a published few-shot set shows as well; None where the shots are drawn."""


class ClosenessFacts(Frozen):
    """Mean cosine of translations and of other pairs, and retrieval accuracy."""

    translations: float
    others: float
    accuracy: float


class AlignmentRow(Frozen):
    """A language's trained or held-out pairs at the aligned layer or the output, before and after training."""

    language: str
    part: str
    place: str
    pairs: int
    before: ClosenessFacts
    after: ClosenessFacts


class MlmLanguage(Frozen):
    """Texts of a language in masked-language modelling. Perplexities are of the held-out texts, if there are any."""

    texts: int
    held_out: int
    steps: int
    perplexity_before: float | None
    perplexity_after: float | None


class MlmFacts(Frozen):
    head: Literal["pretrained", "fresh"]
    by_language: dict[str, MlmLanguage]


class TrainedFacts(Frozen):
    """What stages with weights of their own have in common."""

    encoder: EncoderFacts
    inherits: str
    """Key of the artifact that holds the tensors not stored here."""
    training: TrainingFacts
    untouched_layers: int | None
    """Lowest layers that are as pretrained; None where the embeddings are not, and after few-shot training."""


class ScoredFacts(Frozen):
    """What stages with scores have in common."""

    encoder: EncoderFacts
    scores: ScoreFacts
    texts: TextFacts
    leaks: LeakFacts | None = None
    """None where training data are not compared with the scored items."""
    unusable: UnusableImages = UnusableImages(images={}, items=0)
    controls: ImageControls | None = None
    """None for tasks without images."""


class PretrainedFacts(Frozen):
    kind: Literal["pretrained"] = "pretrained"
    encoder: EncoderFacts
    prepared: DualPreparation | None = None
    """None but for dual encoders."""


class TranslateFacts(Frozen):
    kind: Literal["translate"] = "translate"
    task: str
    language: str
    kept: int
    dropped: int
    dropped_by_reason: dict[str, int]
    projected_by: dict[str, int]
    """How many answers were located in the translation, by the way it was done."""
    examples_per_second: float


class AlignFacts(TrainedFacts):
    kind: Literal["align"] = "align"
    trained: tuple[str, ...]
    """Names of the trained weights."""
    alignment: tuple[AlignmentRow, ...]


class IntermediateFacts(TrainedFacts):
    kind: Literal["intermediate"] = "intermediate"
    restored: tuple[str, ...]
    """Names of the encoder's tensors."""
    steps_by_task: dict[str, int]
    examples_by_task: dict[str, int]
    mlm: MlmFacts | None = None


class TargetFacts(TrainedFacts):
    kind: Literal["target"] = "target"
    model: ModelFacts
    restored: tuple[str, ...]
    """Names of the tensors that the parent's encoder gave."""
    extra_steps: int
    """Steps that were added to match those of an intermediate stage."""
    modality: Modality | None
    prior: str | None
    """The most frequent label of the training data."""
    unusable: UnusableImages


class FewshotFacts(TrainedFacts, ScoredFacts):
    kind: Literal["fewshot"] = "fewshot"
    model: ModelFacts
    shots: int
    """Examples."""
    selection: str
    oracle: bool
    """Whether a step was selected on development data of the scored language."""
    texts_of_shots: TextsOfShots | None
    """None for tasks without images."""


class EvaluateFacts(ScoredFacts):
    kind: Literal["evaluate"] = "evaluate"
    step_kept: int | None
    """Of the model that is scored."""


class RetrieveFacts(ScoredFacts):
    kind: Literal["retrieve"] = "retrieve"
    layer: int
    pooling: str


class MineFacts(ScoredFacts):
    kind: Literal["mine"] = "mine"
    layer: int
    pooling: str
    threshold: float
    """The margin from which on a pair is kept."""
    threshold_split: str
    threshold_score: float


class ChooseLayerFacts(Frozen):
    kind: Literal["choose-layer"] = "choose-layer"
    layer: int
    pooling: str
    curve: tuple[float, ...]
    """Mean accuracy of each layer with that pooling."""


Facts = Annotated[
    PretrainedFacts
    | TranslateFacts
    | AlignFacts
    | IntermediateFacts
    | TargetFacts
    | FewshotFacts
    | EvaluateFacts
    | ChooseLayerFacts
    | RetrieveFacts
    | MineFacts,
    Field(discriminator="kind"),
]
