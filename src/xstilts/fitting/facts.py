"""What a model folder records about its model, in `xstilts.json`. Does not import torch."""

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from xstilts.config.training import Frozen
from xstilts.errors import DataError
from xstilts.problems import ProblemName

FACTS_FILE = "xstilts.json"
FORMAT = 1


class Windows(Frozen):
    """How a text that is longer than one model input is read: windows of `tokens` sub-words, of which `overlap` are
    also in the next one. The text's vector is the mean over its windows, weighted by their sub-words."""

    tokens: int = 256
    overlap: int = 32
    most: int = 64
    """Windows per text; what comes after them is not read."""


class Calibration(Frozen):
    """How logits become probabilities, fitted to predictions on held-out rows."""

    temperature: float = 1.0
    """Logits are divided by it before softmax or sigmoid (Guo et al. 2017, arXiv 1706.04599, section 4.2)."""
    thresholds: tuple[float, ...] | None = None
    """Multi-label: the least probability of each label."""
    precision: float | None = None
    """The precision that `least_probability` was selected for."""
    least_probability: float | None = None
    """Predictions below it are abstained from; None if no threshold reaches `precision`."""
    least_similarity: float | None = None
    """Cosine similarity to the nearest training row, below which a text is unlike the training data."""


class ModelFacts(Frozen):
    """A fitted model: what it reads, what it predicts, and where it comes from."""

    format: int = FORMAT
    problem: ProblemName
    labels: tuple[str, ...]
    columns: dict[str, str]
    """Column names of the training files, by field: `text`, and for pairs `pair`."""
    language: str
    """The code of the language that the model is for."""
    encoder: str
    encoder_pin: str
    licence: str | None
    """Licence of the encoder."""
    pooling: Literal["mean", "first", "last"]
    windows: Windows = Windows()
    precision: Literal["bf16", "fp32"] = "fp32"
    """Of the encoder's matrix products when the model was fitted."""
    calibration: Calibration = Calibration()
    arm: str
    """The name of the arm in the report."""
    reads_subwords: bool = False
    """Whether scores of sub-words are added to the logits of the encoder's head."""
    command: str
    """The command that made the model."""
    version: str
    """Of xstilts."""

    @property
    def reads_pairs(self) -> bool:
        return "pair" in self.columns

    @property
    def text_columns(self) -> dict[str, str]:
        """The columns that the model reads, by field: `text`, and for pairs `pair`."""
        return {field: self.columns[field] for field in ("text", "pair") if field in self.columns}


def read_facts(folder: Path) -> ModelFacts:
    """Raises DataError if `folder` is no model folder, or one of a newer version."""
    path = folder / FACTS_FILE
    if not path.is_file():
        raise DataError(f"{folder} is no model folder: it has no {FACTS_FILE}", "name the folder that `fit` wrote")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value.get("format", 0) > FORMAT:
            raise DataError(f"{path}: format {value['format']} is newer than this version reads", "update xstilts")
        return ModelFacts.model_validate(value)
    except (ValueError, AttributeError, ValidationError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}", "fit the model again") from None
