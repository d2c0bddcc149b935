"""Checkpoints that `pipeline("text-classification")` of transformers loads, where the encoder has a fitting head."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from xstilts.errors import UserError
from xstilts.fitting.export.onnx import write_tokenizer
from xstilts.fitting.model import FittedModel
from xstilts.models.heads import encoder_state, restore_encoder

SHIFT = 32.0
"""Added before GELU and taken off by the classifier's bias: GELU(x) = x in float32 from x = 6 on, and pooled states are
far above -26."""
SHRINK = 1e-3
"""Factor before tanh, and its inverse after it: tanh(x) = x - x^3/3 + ..., so that states of 1 lose 3e-7."""

FITS = "mean: eurobert; first: roberta, xlm-roberta"


def write_checkpoint(model: FittedModel, folder: Path) -> Any:
    """Write weights, configuration and tokenizer into `folder`, which exists, and return how it computes probabilities
    of texts of one window.

    The heads of transformers have a dense layer and an activation between the pooled state and the linear layer. Here
    the dense layer is a multiple of the identity, at which the activation is linear in float32, so that the head is
    ours. Raises UserError for encoders whose head pools otherwise than the model: there is no such checkpoint for them.
    """
    config = model.states.encoder.config
    pooling, kind = model.facts.pooling, config.model_type
    logging.disable_progress_bar()
    config.num_labels = len(model.labels)
    config.id2label = dict(enumerate(model.labels))
    config.label2id = {label: number for number, label in enumerate(model.labels)}
    config.problem_type = (
        "multi_label_classification" if model.facts.problem == "multi-label" else "single_label_classification"
    )
    weight, bias = (value / model.facts.calibration.temperature for value in (model.weight, model.bias))
    if (kind, pooling) == ("eurobert", "mean"):
        config.classifier_pooling = "mean"
        checkpoint = AutoModelForSequenceClassification.from_config(config)
        _set(checkpoint.dense, torch.eye(weight.shape[1]), torch.full((weight.shape[1],), SHIFT))
        _set(checkpoint.classifier, weight, (bias.double() - SHIFT * weight.double().sum(1)).float())
    elif kind in ("roberta", "xlm-roberta") and pooling == "first":
        checkpoint = AutoModelForSequenceClassification.from_config(config)
        _set(checkpoint.classifier.dense, SHRINK * torch.eye(weight.shape[1]), torch.zeros(weight.shape[1]))
        _set(checkpoint.classifier.out_proj, weight / SHRINK, bias)
    else:
        raise UserError(
            f"transformers has no classifier for {kind} that is a linear layer on the {pooling} state",
            f"export with `--to onnx` or `--to sentence-transformers`; fitting encoders by pooling: {FITS}",
        )
    restore_encoder(checkpoint, encoder_state(cast(PreTrainedModel, model.torch_model)))
    checkpoint.eval().save_pretrained(folder)
    tokenizer = cast(PreTrainedTokenizerFast, model.states.tokenizer)
    tokenizer.save_pretrained(folder)
    write_tokenizer(tokenizer.backend_tokenizer, folder / "tokenizer.json")
    return lambda texts: _probabilities(checkpoint, model, texts)


def _set(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    layer.weight, layer.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())


def _probabilities(checkpoint: nn.Module, model: FittedModel, texts: Sequence[Any]) -> np.ndarray:
    """Of the checkpoint, on the windows of `texts` that the model reads."""
    tokenizer: Any = model.states.tokenizer
    rows = []
    for text in texts:
        parts = (text,) if isinstance(text, str) else text
        inputs = tokenizer(
            *(part.strip() for part in parts),
            truncation=True,
            max_length=model.facts.windows.tokens,
            return_tensors="pt",
        )
        with torch.inference_mode():
            logits = checkpoint(**inputs).logits[0].double()
        rows.append((logits.sigmoid() if model.facts.problem == "multi-label" else logits.softmax(-1)).numpy())
    return np.stack(rows)
