"""An encoder: where it comes from, its parts, its heads. The one place that others import from."""

from xstilts.models.fetch import missing, prepare
from xstilts.models.heads import (
    encoder_state,
    head_parameters,
    load_backbone,
    load_for,
    load_tokenizer,
    restore_encoder,
)
from xstilts.models.split import (
    backbone,
    embeddings,
    hidden_states,
    layers,
    run_lower,
    supports_split,
    truncate,
)

__all__ = [
    "backbone",
    "embeddings",
    "encoder_state",
    "head_parameters",
    "hidden_states",
    "layers",
    "load_backbone",
    "load_for",
    "load_tokenizer",
    "missing",
    "prepare",
    "restore_encoder",
    "run_lower",
    "supports_split",
    "truncate",
]
