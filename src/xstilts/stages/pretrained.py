"""The encoder as published: fetched and converted once, its folder stays in the cache."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

from xstilts.config.training import Fusion
from xstilts.models.heads import read_config
from xstilts.models.multimodal.dual.text import is_dual, reading_of
from xstilts.models.multimodal.dual.vision import preparation_of, side_of
from xstilts.models.multimodal.fusion import Sight
from xstilts.planning.specs import PretrainedStage
from xstilts.stages.artifacts import fetched, open_gallery, tokenizer_in
from xstilts.stages.environment import Emit
from xstilts.stages.job_context import Workshop
from xstilts.store.store import Draft


def run(spec: PretrainedStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    folder = fetched(spec.encoder, spec.pin, workshop.environment)
    draft.facts.update(encoder=spec.encoder, pin=spec.pin)
    if spec.fusion is not None:
        draft.facts.update(fusion=spec.fusion.model_dump(), sight=asdict(sight(spec, workshop)))
    elif is_dual(config := read_config(folder)):
        draft.facts.update(dual(config, folder))


def dual(config: PreTrainedConfig, folder: Path) -> dict[str, Any]:
    """What is recorded of a dual encoder: one vector for each image, and how texts and images are prepared."""
    fusion = Fusion(size=side_of(config), grid=1)
    seen = Sight(channels=config.vision_config.hidden_size, tokens=1, layer=0)
    tokenizer = tokenizer_in(folder)
    read = {"tokenizer": type(tokenizer).__name__, "padding_side": tokenizer.padding_side}
    prepared = {"texts": asdict(reading_of(config, folder)) | read, "images": preparation_of(folder)}
    return {"fusion": fusion.model_dump(), "sight": asdict(seen), "prepared": prepared}


def sight(spec: PretrainedStage, workshop: Workshop) -> Sight:
    """What the text encoder needs to know of the vision encoder's features."""
    assert spec.fusion is not None
    gallery = open_gallery(spec.encoder, spec.pin, spec.fusion, workshop.environment)
    layer = spec.fusion.layer
    if layer is None:
        config = read_config(fetched(spec.encoder, spec.pin, workshop.environment))
        layer = config.num_hidden_layers // 2
    return Sight(channels=gallery.channels, tokens=gallery.places, layer=layer)
