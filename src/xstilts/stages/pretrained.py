"""The encoder as published: fetched and converted once, its folder stays in the cache."""

from dataclasses import asdict

from xstilts.engine.store import Draft
from xstilts.models.fusion import Sight
from xstilts.models.heads import read_config
from xstilts.stages.artifacts import fetched, open_gallery
from xstilts.stages.environment import Emit
from xstilts.stages.specs import PretrainedStage
from xstilts.stages.workshop import Workshop


def run(spec: PretrainedStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    fetched(spec.encoder, spec.pin, workshop.environment)
    draft.facts.update(encoder=spec.encoder, pin=spec.pin)
    if spec.fusion is not None:
        draft.facts.update(fusion=spec.fusion.model_dump(), sight=asdict(sight(spec, workshop)))


def sight(spec: PretrainedStage, workshop: Workshop) -> Sight:
    """What the text encoder needs to know of the vision encoder's features."""
    assert spec.fusion is not None
    gallery = open_gallery(spec.encoder, spec.pin, spec.fusion, workshop.environment)
    layer = spec.fusion.layer
    if layer is None:
        config = read_config(fetched(spec.encoder, spec.pin, workshop.environment))
        layer = config.num_hidden_layers // 2
    return Sight(channels=gallery.channels, tokens=spec.fusion.grid**2, layer=layer)
