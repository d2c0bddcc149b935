"""Text preparation for dual encoders: truncation, lower-casing and padding as in their training."""

import json
import string
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Regex, normalizers
from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from xstilts.models.compat import model_class

_PUNCTUATION = "".join(f"\\{character}" for character in string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPreparation:
    """Text preparation in addition to the tokenizer's own."""

    longest: int
    """Maximum length in sub-words: the number of positions of the encoder."""
    filled: bool
    """Whether every text is padded to that length and the padding is not masked."""
    lower_case: bool
    bare: bool
    """Whether ASCII punctuation is removed and white space reduced to single spaces."""


def is_dual(config: PreTrainedConfig) -> bool:
    """Whether this is the configuration of a model with text vectors and image vectors."""
    if not hasattr(config, "text_config") or not hasattr(config, "vision_config"):
        return False
    model = model_class(config)
    return hasattr(model, "get_text_features") and hasattr(model, "get_image_features")


def text_preparation(config: PreTrainedConfig, folder: Path) -> TextPreparation:
    """The text preparation of the dual encoder in `folder`.

    SigLIP's text vector is the state of the last position. In its training, texts were lower-cased and padded to 64
    sub-words without a mask (Zhai et al. 2023, arXiv 2303.15343; big_vision's evaluators). `do_lower_case` in
    tokenizer_config.json decides on lower-casing; its default is that of transformers' SigLIP tokenizers.
    """
    text = config.text_config
    is_siglip = text.model_type.startswith("siglip")
    return TextPreparation(
        longest=_positions(text),
        filled=is_siglip,
        lower_case=is_siglip and bool(_tokenizer_config(folder).get("do_lower_case", True)),
        bare=is_siglip and has_siglip_tokenizer(folder),
    )


def has_siglip_tokenizer(folder: Path) -> bool:
    """Whether the folder has the tokenizer of SigLIP 1, for which transformers has no fast version.

    A tokenizer.json has the same pieces but not its text cleaning, which `TextPreparation.bare` adds.
    """
    return _tokenizer_config(folder).get("tokenizer_class", "").removesuffix("Fast") == "SiglipTokenizer"


def prepare_tokenizer(tokenizer: PreTrainedTokenizerFast, preparation: TextPreparation) -> PreTrainedTokenizerFast:
    """The tokenizer, changed in place to prepare texts like this. Padding is added when batches are collated."""
    steps: list[normalizers.Normalizer] = []
    if preparation.lower_case:
        steps.append(normalizers.Lowercase())
    if preparation.bare:
        steps += [
            normalizers.Replace(Regex(f"[{_PUNCTUATION}]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    backend = tokenizer.backend_tokenizer
    if steps:
        existing = [backend.normalizer] if backend.normalizer is not None else []
        backend.normalizer = normalizers.Sequence([*steps, *existing])
    tokenizer.model_max_length = min(tokenizer.model_max_length, preparation.longest)
    return tokenizer


def _positions(text: PreTrainedConfig) -> int:
    """The number of usable positions. RoBERTa's position ids start above the padding token's id."""
    rows = text.max_position_embeddings
    is_roberta = "roberta" in text.model_type or text.model_type.startswith("altclip")
    return rows - text.pad_token_id - 1 if is_roberta else rows


def _tokenizer_config(folder: Path) -> dict:
    path = folder / "tokenizer_config.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
