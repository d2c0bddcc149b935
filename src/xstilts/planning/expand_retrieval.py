"""The stages of a target that is scored without training: retrieval and mining by an encoder's vectors."""

from dataclasses import replace
from typing import Any

from xstilts.encoders import find_card
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.expand_intermediate import add_intermediate_stages
from xstilts.planning.graph import Chain
from xstilts.planning.specs import ChooseLayerStage, MineStage, RetrieveStage
from xstilts.recipe.resolve import (
    FITTING_SPLIT,
    OTHER_LANGUAGES,
    has_dev,
    layer_selection_task,
    non_english,
    scored_languages,
)

OWN_LAYER = "own-layer"
"""Method name of the score at the layer that is selected for the arm's own encoder."""

LAYER_SELECTION_ITEMS = 40
"""Pairs per language on which the layer is selected. The score is a mean over all languages, so few are enough."""


def add_vector_stages(builder: GraphBuilder, chain: Chain) -> None:
    """Add the stages of a retrieval or mining target. Stages of the pretrained encoder do not depend on the seed."""
    target, encoder = chain.target, add_intermediate_stages(builder, chain.intermediate, chain.seed)
    chosen_by = None if target.layer is not None else _add_layer_choice(builder, chain, builder.pretrained())
    for language in scored_languages(target, chain.task):
        settings: dict[str, Any] = {
            "parent": encoder,
            "data": builder.data(chain.task.name, language, target.max_items),
            "split": target.split,
            "layer": target.layer,
            "chosen_by": chosen_by,
            "pooling": target.pooling
            or (find_card(builder.recipe.encoder).pooling if target.layer is not None else None),
            "max_length": target.train.max_length,
            "precision": target.train.precision,
        }
        stage: MineStage | RetrieveStage
        if chain.task.spec.is_mining:
            stage = MineStage(dev_split=FITTING_SPLIT, **settings)
        else:
            leave_out = True if target.layer_selection_task == OTHER_LANGUAGES else None
            centre = FITTING_SPLIT if has_dev(chain.task) else None
            stage = RetrieveStage(centre_split=centre, leave_out=leave_out, **settings)
        builder.add_cell(chain, stage)
        if target.select_layer_per_arm and encoder != builder.pretrained():
            builder.add_cell(
                chain, replace(stage, chosen_by=_add_layer_choice(builder, chain, encoder)), method=OWN_LAYER
            )


def _add_layer_choice(builder: GraphBuilder, chain: Chain, encoder: str) -> str:
    """Uses all languages of the task, so that the layer does not depend on which of them a recipe scores."""
    target, task = chain.target, chain.task
    if target.layer_selection_task == OTHER_LANGUAGES:
        languages, split, limit = scored_languages(target, task), target.split, target.max_items
    else:
        task = builder.tasks[layer_selection_task(target, task)]
        languages, split, limit = non_english(task), FITTING_SPLIT, LAYER_SELECTION_ITEMS
    return builder.add(
        ChooseLayerStage(
            parent=encoder,
            data=tuple(builder.data(task.name, language, limit) for language in languages),
            split=split,
            pooling=target.pooling,
            max_length=target.train.max_length,
            centred=has_dev(chain.task) and chain.task.spec.is_translation,
        )
    )
