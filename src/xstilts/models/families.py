"""The encoder families: one row per architecture with the names of its modules and its heads.

All differences between architectures are in this table. An architecture without a row is handled by common module
names and cannot be split at a layer. Does not import torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from xstilts.problems.base import Head

Pooling = Literal["mean", "first", "last"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """An architecture as transformers implements it. Paths are attribute names below the bare encoder."""

    model_types: tuple[str, ...]
    """`model_type` of its configurations."""
    embeddings: str = "embeddings"
    """The module that turns token ids into the first layer's input."""
    layers: str = "encoder.layer"
    """The list of transformer layers."""
    final_norm: str | None = None
    """The norm after the last layer, if it is not part of a layer."""
    shared_modules: tuple[str, ...] = ()
    """Other modules whose output every layer reads, such as DeBERTa's relative positions."""
    requires_layer: bool = False
    """Whether the encoder's forward pass needs at least one layer, which returns a pair."""
    splittable: Callable[[Any], bool] = lambda config: True
    """Whether an encoder with this configuration can be split at a layer (`xstilts.models.split`)."""
    lora_targets: tuple[str, ...] = ("query", "value")
    """Names of the attention projections that get LoRA adapters (Hu et al. 2022, arXiv 2106.09685, section 4.2)."""
    bert_layers: bool = False
    """Whether layers have BERT's modules and look up their attention by name, as fast attention dropout and the
    first-token layer require."""
    positions_from_padding: bool = False
    """Whether position ids start above the padding token's id, which a reduced vocabulary must then keep."""
    token_types: bool = True
    """Whether token types distinguish the two texts of a pair."""
    causal: bool = False
    """Whether attention is causal. Padding must then follow the text, where it has no effect."""
    generic_heads: frozenset[Head] = frozenset()
    """Heads that use `xstilts.models.generic_head`, because transformers has none or none that can be split."""
    pooling: Pooling = "first"
    """Pooling of the generic head; the same as in the architecture's classifier."""
    masked_lm_head: tuple[str, ...] = ()
    """Modules of the masked-language-modelling head, in order; empty if transformers has no such head."""
    masked_lm_head_on_embeddings: str | None = None
    """The head of newer checkpoints that takes the word embeddings as an argument."""


def _without_convolution(config: Any) -> bool:
    """DeBERTa's optional convolution next to the first layer reads the embeddings."""
    return not getattr(config, "conv_kernel_size", 0)


def _without_sliding_windows(config: Any) -> bool:
    """Qwen3 looks up a layer's attention window by its index, which a split changes."""
    return set(config.layer_types) <= {"full_attention"}


_ROTARY: dict[str, Any] = {"layers": "layers", "lora_targets": ("q_proj", "v_proj")}

FAMILIES: tuple[Family, ...] = (
    Family(model_types=("bert",), bert_layers=True, masked_lm_head=("cls",)),
    Family(
        model_types=("roberta", "xlm-roberta"),
        bert_layers=True,
        positions_from_padding=True,
        masked_lm_head=("lm_head",),
    ),
    Family(
        model_types=("deberta-v2",),
        shared_modules=("encoder.rel_embeddings", "encoder.LayerNorm"),
        requires_layer=True,
        splittable=_without_convolution,
        lora_targets=("query_proj", "value_proj"),
        masked_lm_head=("cls",),
        masked_lm_head_on_embeddings="lm_predictions",
    ),
    Family(
        model_types=("modernbert",),
        layers="layers",
        final_norm="final_norm",
        lora_targets=("Wqkv",),
        token_types=False,
        masked_lm_head=("head", "decoder"),
    ),
    Family(
        model_types=("eurobert",),
        **_ROTARY,
        embeddings="embed_tokens",
        final_norm="norm",
        token_types=False,
        generic_heads=frozenset({"choice", "span"}),
        pooling="mean",
        masked_lm_head=("lm_head",),
    ),
    Family(
        model_types=("gte",),
        **_ROTARY,
        token_types=False,
        generic_heads=frozenset({"choice", "span"}),
        masked_lm_head=("lm_head",),
    ),
    Family(
        model_types=("nomic_bert",),
        **_ROTARY,
        generic_heads=frozenset({"choice", "span"}),
        masked_lm_head=("cls",),
    ),
    Family(
        model_types=("jina_embeddings_v3",),
        **_ROTARY,
        token_types=False,
        generic_heads=frozenset({"choice"}),
        masked_lm_head=("lm_head",),
    ),
    # transformers' classifier searches for the padding id to find the last token, which fails with a reduced vocabulary
    # and with activations; its span head reads "no answer" from the first token, which attends to nothing else
    Family(
        model_types=("qwen3",),
        **_ROTARY,
        embeddings="embed_tokens",
        final_norm="norm",
        splittable=_without_sliding_windows,
        token_types=False,
        causal=True,
        generic_heads=frozenset({"sequence", "choice", "span"}),
        pooling="last",
    ),
)

BY_MODEL_TYPE = {model_type: family for family in FAMILIES for model_type in family.model_types}

USUAL_LAYERS = ("layers", "encoder.layers", "encoder.layer", "transformer.layer")
USUAL_EMBEDDINGS = ("embeddings", "embed_tokens")
USUAL_PROJECTIONS = tuple(dict.fromkeys(name for family in FAMILIES for name in family.lora_targets))
"""Common module names, tried for an architecture without a row."""
