"""Facts that the stages of each kind record in their manifests. No torch here."""

from typing import Annotated, Literal

from pydantic import Field

from xstilts.config.training import Frozen
from xstilts.methods.auto import AutoSelection
from xstilts.methods.lda_settings import LdaSettings
from xstilts.planning.specs import Modality
from xstilts.store.model_facts import (
    DualPreparation,
    EncoderFacts,
    ModelFacts,
    TrainingFacts,
)


class ScoreFacts(Frozen):
    by_metric: dict[str, float]
    """Scores by metric, from 0 to 1."""
    items: int
    groups: int


class TextFacts(Frozen):
    """Shares (0 to 1) of unknown sub-words and of truncated texts, and the mean number of sub-words per word."""

    unknown_rate: float
    tokens_per_word: float
    truncated_rate: float


class UnusableImages(Frozen):
    images: dict[str, str]
    """Reasons by image reference."""
    items: int
    """Number of examples excluded because of these images."""


class ImageControls(Frozen):
    """Scores of two controls: texts with the images of other items, and always predicting the most frequent label."""

    shuffled_images: float
    label_prior: float | None


class ItemScore(Frozen):
    items: int
    score: float


class TextsOfShots(Frozen):
    """Scores of items with the same text as a shot, and of the other items; None if there are no such items."""

    seen: ItemScore | None
    unseen: ItemScore | None


class LeakFacts(Frozen):
    unchecked: tuple[str, ...]
    """Training tasks and corpora that cannot be compared with the scored items."""
    images_shared: dict[str, int]
    """Number of scored images that were trained on, by training task."""
    images_of_shots_scored: int | None = None
    """Number of scored images in the published few-shot set; None if the shots are sampled."""
    items_trained_on: int = 0
    """Number of scored items in training data of the same benchmark, whose published splits overlap."""
    pool: int = 0
    """Number of examples in the pools of shots, if some of them are scored."""
    pool_scored: int = 0
    """Number of examples in the pools that are scored items, or share a group or image with one; never sampled."""


class ClosenessFacts(Frozen):
    """Mean cosine similarity of translations and of other pairs, and retrieval accuracy."""

    translations: float
    others: float
    accuracy: float


class AlignmentRow(Frozen):
    """Closeness of a language's trained or held-out pairs, at the aligned layer or the output."""

    language: str
    part: str
    place: str
    pairs: int
    before: ClosenessFacts
    after: ClosenessFacts


class MlmLanguage(Frozen):
    """Masked-language modelling in one language. Perplexities are over the held-out texts, if any."""

    texts: int
    held_out: int
    steps: int
    perplexity_before: float | None
    perplexity_after: float | None


class MlmFacts(Frozen):
    head: Literal["pretrained", "fresh"]
    by_language: dict[str, MlmLanguage]


class TrainedFacts(Frozen):
    """Facts of all stages that store weights."""

    encoder: EncoderFacts
    inherits: str
    """Key of the artifact with the tensors that are not stored here."""
    training: TrainingFacts
    untouched_layers: int | None
    """Number of lowest layers with pretrained weights; None if the embeddings changed, or after few-shot training."""


class ScoredFacts(Frozen):
    """Facts of all stages with scores."""

    scores: ScoreFacts
    leaks: LeakFacts | None = None
    """None if training data are not compared with the scored items."""
    unusable: UnusableImages = UnusableImages(images={}, items=0)
    controls: ImageControls | None = None
    """None for tasks without images."""
    rows_left_out: int = 0
    """Number of published rows of the scored split that are no items, for instance because they have no label."""


class ModelScoredFacts(ScoredFacts):
    """Facts of all stages that score a model."""

    encoder: EncoderFacts
    texts: TextFacts


class PretrainedFacts(Frozen):
    kind: Literal["pretrained"] = "pretrained"
    encoder: EncoderFacts
    prepared: DualPreparation | None = None
    """Only for dual encoders."""


class TranslateFacts(Frozen):
    kind: Literal["translate"] = "translate"
    task: str
    language: str
    kept: int
    dropped: int
    dropped_by_reason: dict[str, int]
    projected_by: dict[str, int]
    """Number of projected answers by method."""
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
    """Names of the tensors that were loaded from the parent's encoder."""
    extra_steps: int
    """Additional steps that match those of an intermediate stage."""
    modality: Modality | None
    prior: str | None
    """The most frequent label of the training data."""
    unusable: UnusableImages
    dev_items: int = 0
    dev_items_trained_on: int = 0
    """Number of the development examples that are also in the training data; published splits may overlap."""


class UnlabelledFacts(Frozen):
    texts: int
    """Number of different texts."""
    scored: int
    """Number of scored items whose text is among them."""


class FewshotFacts(TrainedFacts, ModelScoredFacts):
    kind: Literal["fewshot"] = "fewshot"
    model: ModelFacts
    shots: int
    """Number of examples."""
    selection: str
    oracle: bool
    """Whether the checkpoint was selected on development data of the scored language."""
    texts_of_shots: TextsOfShots | None
    """None for tasks without images."""
    settings: LdaSettings | None = None
    selected: AutoSelection | None = None
    """By the method `auto`."""
    unlabelled: UnlabelledFacts | None = None


class EvaluateFacts(ModelScoredFacts):
    kind: Literal["evaluate"] = "evaluate"
    step_kept: int | None
    """The selected checkpoint of the scored model, as in `TrainingFacts`."""


class MajorityFacts(ScoredFacts):
    kind: Literal["majority"] = "majority"
    examples: int
    """Number of training examples whose labels were counted, with the shots."""
    shots: int
    """Number of examples."""


class RetrieveFacts(ModelScoredFacts):
    kind: Literal["retrieve"] = "retrieve"
    layer: int
    pooling: str


class MineFacts(ModelScoredFacts):
    kind: Literal["mine"] = "mine"
    layer: int
    pooling: str
    threshold: float
    """Pairs with at least this margin are predicted as translations."""
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
    | MajorityFacts
    | ChooseLayerFacts
    | RetrieveFacts
    | MineFacts,
    Field(discriminator="kind"),
]
