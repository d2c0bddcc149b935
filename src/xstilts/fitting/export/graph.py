"""Encoder, pooling, linear head and calibration as one ONNX graph."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from xstilts.errors import UserError
from xstilts.fitting.model import FittedModel
from xstilts.models.compat import attention_implementation
from xstilts.models.families import Pooling
from xstilts.models.pooling import pool

ONNX_FILE = "model.onnx"
EXTRA = "pip install 'xstilts[onnx]'"


class Graph(nn.Module):
    """Token ids, mask and, for some encoders, token types to `logits` and `probabilities`: [batch, labels] each."""

    def __init__(self, model: FittedModel) -> None:
        super().__init__()
        self.encoder = model.states.encoder
        self.pooling: Pooling = model.facts.pooling
        self.head = nn.Linear(model.weight.shape[1], model.weight.shape[0])
        self.head.weight, self.head.bias = nn.Parameter(model.weight), nn.Parameter(model.bias)
        self.temperature = model.facts.calibration.temperature
        self.multi_label = model.facts.problem == "multi-label"

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
        logits = self.head(pool(states, attention_mask, self.pooling))
        scaled = logits / self.temperature
        return logits, scaled.sigmoid() if self.multi_label else scaled.softmax(-1)


def input_names(model: FittedModel) -> list[str]:
    """The inputs of the graph, in order."""
    names = ["input_ids", "attention_mask"]
    return [*names, "token_type_ids"] if "token_type_ids" in model.states.tokenizer.model_input_names else names


def write_graph(model: FittedModel, path: Path) -> None:
    """Write the graph in float32 with dynamic batch and length. Raises UserError if torch cannot export the encoder."""
    require_onnx()
    names = input_names(model)
    ids = torch.full((2, 9), cast(int, model.states.tokenizer.pad_token_id) + 2)
    inputs = {name: torch.zeros_like(ids) for name in names} | {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
    }
    inputs["attention_mask"][1, 6:] = 0
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    with _quiet(), _plain_attention(model.states.encoder):
        try:
            program = torch.onnx.export(
                Graph(model).eval(),
                (),
                kwargs=inputs,
                input_names=names,
                output_names=["logits", "probabilities"],
                dynamic_shapes=dict.fromkeys(names, sizes),
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            kind = model.states.encoder.config.model_type
            raise UserError(
                f"torch cannot export encoders of type {kind} to ONNX: {str(error).strip().splitlines()[0]}",
                "export with `--to sentence-transformers`",
            ) from error
        assert program is not None
        program.save(str(path), external_data=False)


def require_onnx() -> None:
    """Raises UserError if a package of the extra `onnx` is missing."""
    from importlib.util import find_spec

    if missing := [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]:
        raise UserError(f"an export to ONNX needs {', '.join(missing)}", EXTRA)


@contextmanager
def _plain_attention(encoder: Any) -> Iterator[None]:
    """Attention of matrix products and a softmax: the graph of torch's fused attention is larger, and not faster."""
    before = attention_implementation(encoder)
    encoder.set_attn_implementation("eager")
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """torch prints deprecations of its own code, and names of optional packages."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
