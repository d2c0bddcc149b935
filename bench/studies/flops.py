"""FLOPs of the forward pass of each supported encoder, counted by torch on the meta device.

`python bench/studies/flops.py` prints the values for the encoders' cards: `forward_flops=(first, second)`, so that a
sequence of n sub-words takes first * n + second * n**2 FLOPs (a multiply-add counts as 2, as in torch), and
`parameters`. Nothing is downloaded; the configurations are copies of the published ones.
"""

from fractions import Fraction
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModel, PreTrainedModel

_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
_SMALL = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536}
_MODERN = {"hidden_size": 768, "num_hidden_layers": 22, "num_attention_heads": 12, "intermediate_size": 1152}
_XLM_R = {"vocab_size": 250_002, "max_position_embeddings": 514, "type_vocab_size": 1}

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "e5-small": ("bert", _SMALL | {"vocab_size": 250_037}),
    "xlm-roberta-base": ("xlm-roberta", _BASE | _XLM_R),
    "xlm-roberta-large": ("xlm-roberta", _LARGE | _XLM_R),
    "bert-base-multilingual-cased": ("bert", _BASE | {"vocab_size": 119_547}),
    "mmbert-base": ("modernbert", _MODERN | {"vocab_size": 256_000}),
    "modernbert-base": ("modernbert", _MODERN | {"vocab_size": 50_368}),
}
LENGTHS = (16, 64, 128)


def build(kind: str, settings: dict[str, Any]) -> PreTrainedModel:
    """The encoder on the meta device, with eager attention so that its matrix products are counted."""
    config = AutoConfig.for_model(kind, **settings)
    with torch.device("meta"):
        return AutoModel.from_config(config, attn_implementation="eager").eval()


def count(model: PreTrainedModel, length: int) -> int:
    """FLOPs of the forward pass of one sequence, without the pooler."""
    model.pooler = None
    ids = torch.zeros(1, length, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(input_ids=ids)
    return counter.get_total_flops()


def fit(counts: dict[int, int]) -> tuple[int, int]:
    """The coefficients (first, second) of first * n + second * n**2, from FLOPs by length.

    Raises ValueError if a coefficient is not an integer or a count is not matched exactly.
    """
    (short, short_flops), (long, long_flops), *_ = counts.items()
    second = (Fraction(long_flops, long) - Fraction(short_flops, short)) / (long - short)
    first = Fraction(short_flops, short) - second * short
    if first.denominator != 1 or second.denominator != 1:
        raise ValueError(f"no whole coefficients: {first}, {second}")
    if any(first * n + second * n * n != flops for n, flops in counts.items()):
        raise ValueError(f"the counts {counts} are not first * n + second * n**2")
    return int(first), int(second)


def main() -> None:
    for name, (kind, settings) in CONFIGS.items():
        model = build(kind, settings)
        first, second = fit({length: count(model, length) for length in LENGTHS})
        total = sum(p.numel() for n, p in model.named_parameters() if not n.startswith("pooler."))
        print(f"{name}: forward_flops=({first:_}, {second:_}), parameters={total:_}")


if __name__ == "__main__":
    main()
