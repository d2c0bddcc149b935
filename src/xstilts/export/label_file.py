"""Predictions of a trained artifact for examples without labels."""

from collections.abc import Sequence
from typing import Any, cast

from xstilts.data.features import featurise
from xstilts.models.inputs import ModelInputs
from xstilts.problems import PROBLEMS, Example
from xstilts.stages.artifacts import LoadedModel, load_model
from xstilts.train.predict import predict

__all__ = ["LoadedModel", "label", "load_model"]


def label(loaded: LoadedModel, examples: Sequence[Example], device: str) -> list[Any]:
    """One prediction per example: a label, the text of a choice, an answer ("" for none), or one tag per word."""
    inputs = ModelInputs(
        problem=loaded.problem,
        features=featurise(loaded.problem, examples, loaded.tokenizer, None, loaded.max_length),
        pad_id=cast(int, loaded.tokenizer.pad_token_id),
        device=device,
        precision=loaded.precision,
    )
    predicted = predict(loaded.model, inputs, examples, loaded.labels, loaded.thresholds)
    display = PROBLEMS[loaded.problem].display
    return [display(example, prediction) for example, prediction in zip(examples, predicted, strict=True)]
