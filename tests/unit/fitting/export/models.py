"""Small model folders with random weights, to export."""

from pathlib import Path

import torch
from tests import tiny

from xstilts.fitting.facts import Calibration, ModelFacts, Windows
from xstilts.fitting.folder import write_model
from xstilts.fitting.model import FittedModel
from xstilts.fitting.states import StateEncoder
from xstilts.fitting.subwords import fit_subwords
from xstilts.fitting.training_rows import training_rows
from xstilts.models.families import Pooling
from xstilts.models.heads import load_text_encoder, load_tokenizer
from xstilts.problems import ProblemName

TEXTS = (
    *tiny.SENTENCES,
    "light",
    " what? 12.5 ",
    "ሰላም ነው 你好",
    "turn on the light in the kitchen " * 12,
    "включи свет на кухне и " * 3,
)
"""Several scripts, unknown characters, and more than one window."""
LANGUAGES = ("en", "en", "de", "es", "ru", "ar", "zh", "hi")


def model_folder(
    folder: Path,
    kind: str = "xlm-roberta",
    *,
    pooling: Pooling = "mean",
    problem: ProblemName = "classification",
    pairs: bool = False,
    rows: int = 8,
    layers: int = 1,
    subwords: bool = False,
) -> Path:
    """A model folder with an encoder of `tests.tiny` and three labels; `rows` training rows of several languages."""
    encoder = tiny.build(kind, folder.with_name(f"{folder.name}-encoder"), layers=layers)
    states = StateEncoder(
        encoder=load_text_encoder(encoder).eval(),
        tokenizer=load_tokenizer(encoder),
        pooling=pooling,
        windows=Windows(tokens=24, overlap=4, most=5),
        precision="fp32",
    )
    labels = ("kitchen", "light", "weather")
    width = states.width
    generator = torch.Generator().manual_seed(0)
    facts = ModelFacts(
        problem=problem,
        labels=labels,
        columns={"text": "text"} | ({"pair": "pair"} if pairs else {}),
        language="en",
        encoder="tiny",
        encoder_pin="",
        licence="MIT",
        pooling=pooling,
        windows=states.windows,
        calibration=Calibration(temperature=0.7, thresholds=(0.5, 0.45, 0.55) if problem == "multi-label" else None),
        arm="logreg",
        command="xstilts fit",
        version="0",
        reads_subwords=subwords,
    )
    texts = [text for text, _ in zip(tiny.SENTENCES, range(rows), strict=False)]
    vectors = states.vectors([(text, None) for text in texts])[0] if texts else torch.zeros(0, width)
    ids = torch.arange(len(texts)) % 3
    scores = fit_subwords(states.subwords([(text, None) for text in texts]), ids, 3) if subwords else None
    model = FittedModel(
        facts=facts,
        states=states,
        weight=torch.randn(3, width, generator=generator),
        bias=torch.randn(3, generator=generator),
        subwords=scores,
        training=training_rows(texts, [labels[row % 3] for row in range(len(texts))], LANGUAGES[:rows], vectors, "en"),
    )
    return write_model(model, folder)
