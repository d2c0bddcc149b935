"""The encoder as published: fetched and converted once, its folder stays in the cache."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

from xstilts.config.training import Fusion
from xstilts.execution.environment import Emit
from xstilts.models.heads import read_config
from xstilts.models.multimodal.dual.text import is_dual, reading_of
from xstilts.models.multimodal.dual.vision import preparation_of, side_of
from xstilts.models.multimodal.fusion import ImageInputSpec
from xstilts.planning.specs import PretrainedStage
from xstilts.stages.artifacts import cached_tokenizer, fetch_encoder, open_image_features
from xstilts.stages.job_context import JobContext
from xstilts.store.store import Draft


def run(spec: PretrainedStage, draft: Draft, context: JobContext, emit: Emit) -> None:
    folder = fetch_encoder(spec.encoder, spec.pin, context.environment)
    draft.facts.update(encoder=spec.encoder, pin=spec.pin)
    if spec.fusion is not None:
        draft.facts.update(fusion=spec.fusion.model_dump(), image_input=asdict(image_input_spec(spec, context)))
    elif is_dual(config := read_config(folder)):
        draft.facts.update(dual_encoder_facts(config, folder))


def dual_encoder_facts(config: PreTrainedConfig, folder: Path) -> dict[str, Any]:
    """What is recorded of a dual encoder: one vector for each image, and how texts and images are prepared."""
    fusion = Fusion(size=side_of(config), grid=1)
    seen = ImageInputSpec(channels=config.vision_config.hidden_size, tokens=1, layer=0)
    tokenizer = cached_tokenizer(folder)
    read = {"tokenizer": type(tokenizer).__name__, "padding_side": tokenizer.padding_side}
    prepared = {"texts": asdict(reading_of(config, folder)) | read, "images": preparation_of(folder)}
    return {"fusion": fusion.model_dump(), "image_input": asdict(seen), "prepared": prepared}


def image_input_spec(spec: PretrainedStage, context: JobContext) -> ImageInputSpec:
    """What the text encoder needs to know of the vision encoder's features."""
    assert spec.fusion is not None
    image_features = open_image_features(spec.encoder, spec.pin, spec.fusion, context.environment)
    layer = spec.fusion.layer
    if layer is None:
        config = read_config(fetch_encoder(spec.encoder, spec.pin, context.environment))
        layer = config.num_hidden_layers // 2
    return ImageInputSpec(channels=image_features.channels, tokens=image_features.places, layer=layer)
