"""Small fitted models of every problem, with a tiny encoder whose weights are random."""

from pathlib import Path
from typing import Any

import torch
from tests import tiny

from xstilts.fitting.facts import Calibration, ModelFacts, Windows
from xstilts.fitting.model import FittedModel
from xstilts.fitting.states import StateEncoder
from xstilts.fitting.training_rows import training_rows
from xstilts.models.heads import load_text_encoder, load_tokenizer
from xstilts.problems import ProblemName

LABELS = ("health", "politics", "sport")


def fitted_model(
    folder: Path,
    *,
    problem: ProblemName = "classification",
    labels: tuple[str, ...] = LABELS,
    columns: dict[str, str] | None = None,
    calibration: Calibration | None = None,
    most_windows: int = 64,
) -> FittedModel:
    """A model of texts in the column `headline`, with the sentences of `tiny` as training rows. The tiny encoder is
    written to `folder`."""
    path = tiny.build("xlm-roberta", folder)
    states = StateEncoder(
        encoder=load_text_encoder(path).eval(),
        tokenizer=load_tokenizer(path),
        pooling="mean",
        windows=Windows(tokens=32, overlap=8, most=most_windows),
        precision="fp32",
    )
    columns = columns or {"text": "headline", "label": "category"}
    is_pair = "pair" in columns
    texts: list[Any] = [(text, text if is_pair else None) for text in tiny.SENTENCES]
    facts = ModelFacts(
        problem=problem,
        labels=labels,
        columns=columns,
        language="sw",
        encoder="tiny",
        encoder_pin="tiny",
        licence=None,
        pooling="mean",
        arm="logreg",
        command="xstilts fit",
        version="0.1.0",
        windows=states.windows,
        calibration=calibration or Calibration(precision=0.9, least_probability=0.5, least_similarity=0.5),
    )
    generator = torch.Generator().manual_seed(0)
    vectors, _ = states.vectors(texts)
    names = [labels[row % len(labels)] for row in range(len(texts))]
    return FittedModel(
        facts=facts,
        states=states,
        weight=torch.randn(len(labels), states.width, generator=generator),
        bias=torch.zeros(len(labels)),
        training=training_rows([text for text, _ in texts], names, ["en"] * len(texts), vectors, "sw"),
    )
