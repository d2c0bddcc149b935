"""Facts about the encoder, the training and the model of a stage."""

from typing import Any

from xstilts.config.training import Frozen, Fusion, HeadStart, HeadStyle
from xstilts.problems import ProblemName


class ImageInputFacts(Frozen):
    """Image input of a text encoder: each image is `tokens` vectors of `channels`, inserted at layer `layer`."""

    channels: int
    tokens: int
    layer: int


class EncoderFacts(Frozen):
    """The pretrained encoder of an artifact."""

    name: str
    pin: str
    fusion: Fusion | None = None
    """None if it reads no images."""
    image_input: ImageInputFacts | None = None


class DualPreparation(Frozen):
    """Preprocessing of a dual encoder's texts and images, from its configuration files."""

    texts: dict[str, bool | int | str | None]
    images: dict[str, Any]


class TrainingFacts(Frozen):
    """`weights_before` and `weights_after` are digests of the trained weights.

    Losses are means over the first and last tenth of the steps, None for closed-form weights. `step_kept` is the
    selected step: 0 if no step was better than the initial weights, None if checkpoints were averaged.
    """

    steps: int
    step_kept: int | None
    first_loss: float | None
    last_loss: float | None
    curve: tuple[tuple[int, float], ...]
    """Development scores by step."""
    weights_before: str
    weights_after: str
    head_start: HeadStart = "random"
    """Of a new head; `closed-form` only if all heads of the stage started so."""
    refit: bool = False
    """Whether the head was solved in closed form again after training."""

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
    """Decision threshold of each label, if the problem has thresholds."""
    columns: dict[str, str] | None = None
    """Columns of the user's files by field; None for a shipped task."""
    head: HeadStyle = "native"
    reads_pairs: bool = False
    """Whether the model was trained on pairs of texts."""
