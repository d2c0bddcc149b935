"""The encoder as published: fetched and converted once, its folder stays in the cache."""

from xstilts.engine.store import Draft
from xstilts.stages.artifacts import fetched
from xstilts.stages.environment import Emit
from xstilts.stages.specs import PretrainedStage
from xstilts.stages.workshop import Workshop


def run(spec: PretrainedStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    fetched(spec.encoder, spec.pin, workshop.environment)
    draft.facts.update(encoder=spec.encoder, pin=spec.pin)
