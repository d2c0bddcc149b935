"""Tiny randomly initialised dual encoders with their tokenizers and image processors, built at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tests import tiny
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPModel,
    MetaClip2Config,
    MetaClip2Model,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2Model,
    SiglipConfig,
    SiglipModel,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
    ViTConfig,
    XLMRobertaConfig,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

KINDS = ("clip", "siglip", "siglip2", "vision-text", "altclip", "chinese-clip", "metaclip-2")
SIDE = 32
"""Pixels of the sides of an image as these encoders see it."""
FILLED = 24
"""Sub-words that the texts of the tiny SigLIPs are filled up to."""
CHANNELS = 24
SCALE, BIAS = 2.0, -3.0
"""What the cosines are multiplied by (its logarithm), and what SigLIP adds to them."""

_BODY: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_EYES: dict[str, Any] = _BODY | {"hidden_size": CHANNELS, "image_size": SIDE, "patch_size": 8}
_SPREAD = 0.3
"""Deviation of the weights, so that vectors of different texts and images differ clearly."""


def build(kind: str, folder: Path, *, seed: int = 0) -> Path:
    """Save a tiny dual encoder of `kind` (one of `KINDS`) in `folder`; the same seed, the same files."""
    tokenizer = _TOKENIZERS[kind]()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _MODELS[kind](tokenizer).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=_SPREAD)
            model.logit_scale.fill_(SCALE)
            if hasattr(model, "logit_bias"):
                model.logit_bias.fill_(BIAS)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _PROCESSORS[kind]().save_pretrained(folder)
    return folder


def picture(number: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A picture of coloured patches, the same for the same number."""
    coarse = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def _clip_tokenizer() -> PreTrainedTokenizerFast:
    """As CLIP's: lower case, the special tokens last, filled with the end."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    start, end = "<|startoftext|>", "<|endoftext|>"
    pieces = [*alphabet, *(f"{piece}</w>" for piece in alphabet), start, end]
    vocabulary = {piece: row for row, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token=end, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start}:0 $A:0 {end}:0", special_tokens=[(piece, vocabulary[piece]) for piece in (start, end)]
    )
    specials = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=77, **specials)


def _siglip_tokenizer() -> PreTrainedTokenizerFast:
    """As SigLIP's: no start, filled with the end, no mask."""
    tokenizer = tiny._unigram(("<unk>", "</s>"), "<unk>", "</s>", "</s>", double=False)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A:0 </s>:0", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
        model_max_length=FILLED,
        model_input_names=["input_ids"],
        do_lower_case=True,
    )


def _rows(tokenizer: PreTrainedTokenizerFast, positions: int, **more: Any) -> dict[str, Any]:
    """The configuration of a text encoder."""
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": positions}
    named = {"bos_token_id": 0, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return _BODY | sizes | {name: row for name, row in named.items() if row is not None} | more


def _clip(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = _rows(tokenizer, 77)
    return CLIPModel(CLIPConfig(text_config=text, vision_config=_EYES, projection_dim=16))


def _siglip(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = _rows(tokenizer, FILLED, projection_size=CHANNELS)
    return SiglipModel(SiglipConfig(text_config=text, vision_config=_EYES))


def _siglip2(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = _rows(tokenizer, FILLED, projection_size=CHANNELS)
    eyes = {name: value for name, value in _EYES.items() if name != "image_size"} | {"num_patches": 16}
    return Siglip2Model(Siglip2Config(text_config=text, vision_config=eyes))


def _vision_text(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = XLMRobertaConfig(**_rows(tokenizer, 130)).to_dict()
    eyes = ViTConfig(**_EYES).to_dict()
    return VisionTextDualEncoderModel(
        VisionTextDualEncoderConfig(text_config=text, vision_config=eyes, projection_dim=16)
    )


def _altclip(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = _rows(tokenizer, 130, project_dim=20)
    return AltCLIPModel(AltCLIPConfig(text_config=text, vision_config=_EYES, projection_dim=16))


def _chinese(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = _rows(tokenizer, 130)
    return ChineseCLIPModel(ChineseCLIPConfig(text_config=text, vision_config=_EYES, projection_dim=16))


def _metaclip(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = _rows(tokenizer, 77, eos_token_id=tokenizer.sep_token_id)
    return MetaClip2Model(MetaClip2Config(text_config=text, vision_config=_EYES, projection_dim=16))


def _square(kind: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: kind(size={"height": SIDE, "width": SIDE})


def _cropped() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


_MODELS: dict[str, Callable[[PreTrainedTokenizerFast], PreTrainedModel]] = {
    "clip": _clip,
    "siglip": _siglip,
    "siglip2": _siglip2,
    "vision-text": _vision_text,
    "altclip": _altclip,
    "chinese-clip": _chinese,
    "metaclip-2": _metaclip,
}
_TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "clip": _clip_tokenizer,
    "siglip": _siglip_tokenizer,
    "siglip2": _siglip_tokenizer,
    "vision-text": tiny._xlm_roberta_tokenizer,
    "altclip": tiny._xlm_roberta_tokenizer,
    "chinese-clip": tiny._bert_tokenizer,
    "metaclip-2": tiny._xlm_roberta_tokenizer,
}
_PROCESSORS: dict[str, Callable[[], Any]] = {
    "clip": _cropped,
    "siglip": _square(SiglipImageProcessorPil),
    "siglip2": lambda: Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16),
    "vision-text": _square(ViTImageProcessorPil),
    "altclip": _cropped,
    "chinese-clip": _cropped,
    "metaclip-2": _cropped,
}
