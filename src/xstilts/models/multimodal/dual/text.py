"""How a dual encoder is given its texts: cut, lower-cased and filled up as in its own training, or scores suffer."""

import json
import string
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Regex, normalizers
from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from xstilts.models.compat import model_class

_PUNCTUATION = "".join(f"\\{mark}" for mark in string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What happens to a text before an encoder sees it, beside what its tokenizer does anyway."""

    longest: int
    """Sub-words of a text, at most: the positions that the encoder has."""
    filled: bool
    """Whether every text is filled up to that length, and the filling is read as text is."""
    lower_case: bool
    bare: bool
    """Whether ASCII punctuation is left out and white space reduced to single spaces."""


def is_dual(config: PreTrainedConfig) -> bool:
    """Whether the model of this configuration gives vectors of texts and vectors of images."""
    if not hasattr(config, "text_config") or not hasattr(config, "vision_config"):
        return False
    model = model_class(config)
    return hasattr(model, "get_text_features") and hasattr(model, "get_image_features")


def reading_of(config: PreTrainedConfig, folder: Path) -> Reading:
    """How the dual encoder in `folder` is given its texts.

    SigLIP's vector of a text is the state of its last place, so that texts of all lengths were filled up to 64
    sub-words, without a mask, after lower-casing (Zhai et al. 2023, arXiv 2303.15343; big_vision's evaluators). Whether
    texts are lower-cased is what tokenizer_config.json says (`do_lower_case`), and where it says nothing, what
    transformers' tokenizers of that family do by themselves.
    """
    text = config.text_config
    family = text.model_type.startswith("siglip")
    stated = _stated(folder)
    lower = family and bool(stated.get("do_lower_case", True))
    return Reading(
        longest=_positions(text),
        filled=family,
        lower_case=lower,
        bare=family and of_sentencepiece(folder),
    )


def of_sentencepiece(folder: Path) -> bool:
    """Whether the folder's tokenizer is stated to be SigLIP's first, which transformers has without a fast form.

    Its tokenizer.json, where there is one, has the same pieces; what it did to texts before is in `Reading.bare`.
    """
    return _stated(folder).get("tokenizer_class", "").removesuffix("Fast") == "SiglipTokenizer"


def prepare_tokenizer(tokenizer: PreTrainedTokenizerFast, reading: Reading) -> PreTrainedTokenizerFast:
    """The tokenizer, changed so that it reads texts in this way; filling up is left to the batches."""
    steps: list[normalizers.Normalizer] = []
    if reading.lower_case:
        steps.append(normalizers.Lowercase())
    if reading.bare:
        steps += [
            normalizers.Replace(Regex(f"[{_PUNCTUATION}]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    backend = tokenizer.backend_tokenizer
    if steps:
        own = [backend.normalizer] if backend.normalizer is not None else []
        backend.normalizer = normalizers.Sequence([*steps, *own])
    tokenizer.model_max_length = min(tokenizer.model_max_length, reading.longest)
    return tokenizer


def _positions(text: PreTrainedConfig) -> int:
    """Those of RoBERTa begin above the padding token's id."""
    rows = text.max_position_embeddings
    counted = "roberta" in text.model_type or text.model_type.startswith("altclip")
    return rows - text.pad_token_id - 1 if counted else rows


def _stated(folder: Path) -> dict:
    path = folder / "tokenizer_config.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
