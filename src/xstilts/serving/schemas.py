"""The JSON values of the endpoints. The OpenAPI document is generated from them."""

from typing import Annotated

from pydantic import Field

from xstilts.config.training import Frozen
from xstilts.problems import ProblemName

Text = str | tuple[str, str]
"""A text; for models of pairs, two texts."""
Labels = str | list[str]
"""A label; for multi-label models, a list of labels."""
Share = Annotated[float, Field(ge=0, le=1)]


class PredictRequest(Frozen):
    """Texts to predict the labels of."""

    texts: list[Text]
    """Texts; for models of pairs, pairs of texts. They must not be blank."""


class NearestRow(Frozen):
    """A training row that is similar to a text."""

    text: str
    label: str
    language: str
    similarity: float
    """Cosine similarity of the vectors of the two texts."""


class TextPrediction(Frozen):
    """The prediction for one text."""

    label: Labels
    """The most probable label; for multi-label models, all labels from their threshold on."""
    probability: Share
    """Of `label`; for multi-label models, the lowest of its labels, or that of having none."""
    probabilities: dict[str, Share]
    """By label."""
    abstained: bool
    """Whether the probability is below the threshold for the wanted precision."""
    unlike_training: bool
    """Whether no training row is similar to the text."""
    cut_off: bool
    """Whether the text is longer than the model reads; its end was not read."""
    nearest: list[NearestRow]
    """The most similar training rows, most similar first."""


class PredictResponse(Frozen):
    """One prediction for each text, in the same order."""

    predictions: list[TextPrediction]


class LeftOutRow(Frozen):
    """A row of a file that cannot be used."""

    line: int
    message: str


class FileTexts(Frozen):
    """The texts of a file."""

    texts: list[Text]
    lines: list[int]
    """The line on which each text begins."""
    left_out: list[LeftOutRow]
    notes: list[str]
    """What was skipped, repaired or guessed."""


class CorrectionRequest(Frozen):
    """The right label of a text."""

    text: Text
    label: Labels
    predicted: Labels
    """What the model predicted."""


class CorrectionResponse(Frozen):
    """A correction that was saved or undone."""

    number: int
    """Of the correction, counted from the start of the server."""
    text: Text
    label: Labels
    replaced: Labels | None
    """The earlier label of the same text in the file."""
    rows: int
    """Rows of the file after the change."""


class ModelResponse(Frozen):
    """What the model reads and predicts, and the limits of the server."""

    problem: ProblemName
    labels: list[str]
    reads_pairs: bool
    columns: dict[str, str]
    """Column names in files, by field."""
    language: str
    language_name: str
    encoder: str
    precision: float | None
    """The precision that `least_probability` was selected for."""
    least_probability: float | None
    """Predictions with a lower probability are abstained from."""
    least_similarity: float | None
    """Texts with a lower similarity to every training row are unlike the training texts."""
    max_texts: int
    """Texts per request or file."""
    max_bytes: int
    """Bytes per request or file."""
    corrections_file: str
    corrections: int
    """Rows of the file."""
    version: str
    """Of xstilts."""


class HealthResponse(Frozen):
    """The server answers requests."""

    status: str
    version: str


class ErrorResponse(Frozen):
    """Why a request was refused."""

    message: str
    hint: str
    """What to do."""
