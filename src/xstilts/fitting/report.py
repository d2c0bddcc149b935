"""What `fit` found out, as plain values: the source of the terminal's summary, `report.html` and the model card.

Scores, shares and probabilities are between 0 and 1. Does not import torch.
"""

from typing import Literal

from pydantic import Field

from xstilts.config.training import Frozen

Role = Literal["english", "shots", "test", "unlabelled"]


class Estimate(Frozen):
    """A score on new rows like the labelled ones, with a 95% interval."""

    score: float
    low: float
    high: float
    next_low: float
    next_high: float
    """95% prediction interval of the score on as many new rows as were labelled."""


class DataCounts(Frozen):
    """The rows of one language, by label; multi-label rows count once for each label."""

    language: str
    role: Role
    rows: int
    by_label: dict[str, int]


class Difference(Frozen):
    """A difference of scores, between -1 and 1, with its 95% interval over the rows that both scores are from."""

    value: float
    low: float
    high: float


class Arm(Frozen):
    """One way to make the model, with its scores."""

    name: str
    description: str
    kind: Literal["trivial", "head", "encoder", "unlabelled"]
    """A trivial baseline; a head on the frozen encoder; a trained encoder; or one that also uses unlabelled texts."""
    estimate: Estimate | None
    """From cross-validation over the rows of the language; None with too few of them."""
    english: float | None
    """The score in cross-validation over English rows."""
    seconds: float
    selected: bool = False
    difference: Difference | None = None
    """From the score of the arm before this one, on the same rows."""


class ClassScore(Frozen):
    """Scores of one class on held-out rows of the language."""

    label: str
    rows: int
    english_rows: int
    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float


class Neighbour(Frozen):
    """A training row that is similar to a text."""

    text: str
    label: str
    language: str
    similarity: float


class HeldOutRow(Frozen):
    """A labelled row with the prediction of a model that was not fitted to it."""

    source: str
    """File and line."""
    text: str
    label: str
    predicted: str
    probability: float
    """Of `predicted`."""
    label_probability: float
    """Of `label`."""
    nearest: tuple[Neighbour, ...] = ()


class Bin(Frozen):
    """Held-out rows of similar probability."""

    probability: float
    """Mean probability of the predicted labels."""
    accuracy: float
    rows: int


class AbstentionPoint(Frozen):
    """What is left if predictions below a probability are abstained from."""

    threshold: float
    coverage: float
    """Share of rows that are predicted."""
    precision: float
    """Share of them that is right."""


class CalibrationReport(Frozen):
    """How far probabilities can be believed, on held-out rows."""

    temperature: float
    error: float
    """Expected calibration error."""
    error_low: float
    error_high: float
    bins: tuple[Bin, ...]
    abstention: tuple[AbstentionPoint, ...]
    precision: float
    """The wanted precision."""
    least_probability: float | None
    """The threshold for it; None if none reaches it."""


class Forecast(Frozen):
    """Expected score with more labelled rows, with a 95% interval."""

    rows: int
    """Rows of the language in all."""
    score: float
    low: float
    high: float
    measured: bool
    """Measured by cross-validation on fewer rows, or forecast from a fitted curve."""


class NextStep(Frozen):
    """Something that the user can do to improve the model, in one sentence, most useful first."""

    text: str
    command: str = ""


class FitReport(Frozen):
    """Everything that the report shows."""

    title: str
    problem: str
    language: str
    language_name: str
    metric: str
    """Its name in `xstilts.metrics`, such as `macro_f1`."""
    metric_name: str
    """As shown, such as "macro F1"."""
    encoder: str
    encoder_licence: str | None
    command: str
    version: str
    made: str
    """Date and time in UTC."""
    seconds: float
    labels: tuple[str, ...]
    understood: tuple[str, ...]
    """What the files were understood to hold, in at most a few lines."""
    left_out: tuple[str, ...]
    """What was dropped, cut, repaired or guessed, with counts."""
    warnings: tuple[str, ...]
    data: tuple[DataCounts, ...]
    estimate: Estimate | None
    """Of the selected arm; corrected for the selection."""
    no_estimate: str = ""
    """Why there is no estimate."""
    estimate_note: str = ""
    """What the estimate is for: classes drawn equally, or as they occur."""
    rows_to_halve: int | None = None
    """Labelled rows that would halve the interval."""
    test: Estimate | None = None
    """The score on the test file."""
    trivial: Estimate | None = None
    """The trivial baseline, on the same rows."""
    arms: tuple[Arm, ...]
    classes: tuple[ClassScore, ...] = ()
    confusion: dict[str, dict[str, int]] = Field(default_factory=dict[str, dict[str, int]])
    """Held-out rows by label and predicted label."""
    wrong: tuple[HeldOutRow, ...] = ()
    """Wrong held-out predictions, most confident first."""
    suspicious: tuple[HeldOutRow, ...] = ()
    """Rows whose label the other rows contradict."""
    calibration: CalibrationReport | None = None
    curve: tuple[Forecast, ...] = ()
    rows_to_gain: int | None = None
    """Further rows that are expected to raise the score by two points; None if the curve does not say."""
    next_steps: tuple[NextStep, ...] = ()
    long_texts: str = ""
    """How many texts were read in several windows, and how many were cut off."""
