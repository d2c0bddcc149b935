"""The encoder families: one row per architecture says where its parts are and which heads it gets.

No torch here. What differs by architecture is read from this table and nowhere else; an architecture without a row is
found by the usual names of its parts, and is never cut at a layer.
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
    """What turns token ids into the first layer's input."""
    layers: str = "encoder.layer"
    """The list of transformer layers."""
    final_norm: str | None = None
    """The norm after the last layer, where there is one outside the layers."""
    read_by_layers: tuple[str, ...] = ()
    """Modules beside the embeddings whose output every layer reads, as DeBERTa's relative positions."""
    pads_layers: bool = False
    """Whether the code around the layers needs at least one of them, which returns a pair."""
    splittable: Callable[[Any], bool] = lambda config: True
    """Whether an encoder of this configuration can be run in two halves, see `xstilts.models.split`."""
    adapted: tuple[str, ...] = ("query", "value")
    """Names of the attention projections that low-rank adapters go to (Hu et al. 2022, arXiv 2106.09685, 4.2)."""
    bert_layers: bool = False
    """Whether a layer has BERT's modules and calls its attention by name: fast attention dropout and a top layer of
    one token are possible."""
    positions_from_padding: bool = False
    """Whether positions are counted from the padding token's id, which a smaller vocabulary then has to keep."""
    token_types: bool = True
    """Whether it tells the first text of a pair from the second by token types."""
    causal: bool = False
    """Whether a token sees only those before it. Padding then has to come after the text, where it changes nothing."""
    own_heads: frozenset[Head] = frozenset()
    """Heads that `xstilts.models.generic_head` makes, where transformers has none, or none that can be cut."""
    pooling: Pooling = "first"
    """The state that a head of ours reads where one vector is needed, as the architecture's own classifier does."""
    masked_lm_head: tuple[str, ...] = ()
    """Modules of the masked-language-modelling head, in order; none where transformers has no such head."""
    masked_lm_head_on_embeddings: str | None = None
    """The head in newer checkpoints that is given the word embeddings at each call."""


def _without_convolution(config: Any) -> bool:
    """A convolution beside DeBERTa's first layer reads the embeddings."""
    return not getattr(config, "conv_kernel_size", 0)


def _without_sliding_windows(config: Any) -> bool:
    """Qwen3 chooses a layer's window by its place in the list, which a cut changes."""
    return set(config.layer_types) <= {"full_attention"}


_ROTARY: dict[str, Any] = {"layers": "layers", "adapted": ("q_proj", "v_proj")}

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
        read_by_layers=("encoder.rel_embeddings", "encoder.LayerNorm"),
        pads_layers=True,
        splittable=_without_convolution,
        adapted=("query_proj", "value_proj"),
        masked_lm_head=("cls",),
        masked_lm_head_on_embeddings="lm_predictions",
    ),
    Family(
        model_types=("modernbert",),
        layers="layers",
        final_norm="final_norm",
        adapted=("Wqkv",),
        token_types=False,
        masked_lm_head=("head", "decoder"),
    ),
    Family(
        model_types=("eurobert",),
        **_ROTARY,
        embeddings="embed_tokens",
        final_norm="norm",
        token_types=False,
        own_heads=frozenset({"choice", "span"}),
        pooling="mean",
        masked_lm_head=("lm_head",),
    ),
    Family(
        model_types=("gte",),
        **_ROTARY,
        token_types=False,
        own_heads=frozenset({"choice", "span"}),
        masked_lm_head=("lm_head",),
    ),
    Family(
        model_types=("nomic_bert",),
        **_ROTARY,
        own_heads=frozenset({"choice", "span"}),
        masked_lm_head=("cls",),
    ),
    Family(
        model_types=("jina_embeddings_v3",),
        **_ROTARY,
        token_types=False,
        own_heads=frozenset({"choice"}),
        masked_lm_head=("lm_head",),
    ),
    # transformers' classifier looks for the padding's id to find the last token, which ids of a smaller vocabulary and
    # activations do not have; its head for spans reads "no answer" from the first token, which has seen nothing.
    Family(
        model_types=("qwen3",),
        **_ROTARY,
        embeddings="embed_tokens",
        final_norm="norm",
        splittable=_without_sliding_windows,
        token_types=False,
        causal=True,
        own_heads=frozenset({"sequence", "choice", "span"}),
        pooling="last",
    ),
)

BY_MODEL_TYPE = {model_type: family for family in FAMILIES for model_type in family.model_types}

USUAL_LAYERS = ("layers", "encoder.layers", "encoder.layer", "transformer.layer")
USUAL_EMBEDDINGS = ("embeddings", "embed_tokens")
USUAL_PROJECTIONS = tuple(dict.fromkeys(name for family in FAMILIES for name in family.adapted))
"""Where the parts of an architecture without a row are looked for."""
