"""The pretrained encoder. It is downloaded and converted once; the files stay in the cache."""

from dataclasses import asdict
from pathlib import Path

from transformers import PreTrainedConfig

from xstilts.config.training import Fusion
from xstilts.models.heads import read_config
from xstilts.models.multimodal.dual.text import is_dual, text_preparation
from xstilts.models.multimodal.dual.vision import image_preparation, image_size
from xstilts.planning.specs import PretrainedStage
from xstilts.stages.artifacts import cached_tokenizer, fetch_encoder, open_image_features
from xstilts.stages.job_context import JobContext
from xstilts.store.facts import PretrainedFacts
from xstilts.store.model_facts import DualPreparation, EncoderFacts, ImageInputFacts
from xstilts.store.store import Draft


def run(spec: PretrainedStage, draft: Draft, context: JobContext) -> None:
    folder = fetch_encoder(spec.encoder, spec.pin, context.environment)
    fusion, image_input, preparation = spec.fusion, None, None
    if fusion is not None:
        image_input = _image_input(spec, fusion, context)
    elif is_dual(config := read_config(folder)):
        fusion = Fusion(image_size=image_size(config), grid=1)
        image_input = ImageInputFacts(channels=config.vision_config.hidden_size, tokens=1, layer=0)
        preparation = dual_preparation(config, folder)
    encoder = EncoderFacts(name=spec.encoder, pin=spec.pin, fusion=fusion, image_input=image_input)
    draft.facts = PretrainedFacts(encoder=encoder, prepared=preparation)


def dual_preparation(config: PreTrainedConfig, folder: Path) -> DualPreparation:
    """How the dual encoder in `folder` preprocesses texts and images."""
    tokenizer = cached_tokenizer(folder)
    padding = {"tokenizer": type(tokenizer).__name__, "padding_side": tokenizer.padding_side}
    return DualPreparation(texts=asdict(text_preparation(config, folder)) | padding, images=image_preparation(folder))


def _image_input(spec: PretrainedStage, fusion: Fusion, context: JobContext) -> ImageInputFacts:
    """Shape of the vision encoder's features, and the first layer that reads them."""
    image_features = open_image_features(spec.encoder, spec.pin, fusion, context.environment)
    layer = fusion.layer
    if layer is None:
        config = read_config(fetch_encoder(spec.encoder, spec.pin, context.environment))
        layer = config.num_hidden_layers // 2
    return ImageInputFacts(channels=image_features.channels, tokens=image_features.tokens, layer=layer)
