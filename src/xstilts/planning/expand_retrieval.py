"""The stages of a target that nothing is trained for: retrieval and mining by an encoder's vectors."""

from dataclasses import replace
from typing import Any

from xstilts.planning.builder import Assembly
from xstilts.planning.expand_intermediate import handed_over
from xstilts.planning.graph import Chain
from xstilts.planning.specs import ChooseLayerStage, MineStage, RetrieveStage
from xstilts.recipe.resolve import HELD_SPLIT, OTHER_LANGUAGES, chosen_on, foreign, has_dev, scored

OWN_LAYER = "own-layer"
"""The name among methods of the score at the layer that an arm's own encoder chose."""

CHOICE_ITEMS = 40
"""Pairs of each language on which the layer of a task without training is chosen; a mean over all languages needs no
more."""


def embed(to: Assembly, chain: Chain) -> None:
    """An arm without training is one encoder, whatever the seed."""
    target, encoder = chain.target, handed_over(to, chain.intermediate, chain.seed)
    chosen_by = None if target.layer is not None else _chosen_layer(to, chain, to.pretrained())
    for language in scored(target, chain.task):
        settings: dict[str, Any] = {
            "parent": encoder,
            "data": to.data(chain.task.name, language, target.max_items),
            "split": target.split,
            "layer": target.layer,
            "chosen_by": chosen_by,
            "pooling": target.pooling or ("mean" if target.layer is not None else None),
            "max_length": target.train.max_length,
            "precision": target.train.precision,
        }
        stage: MineStage | RetrieveStage
        if chain.task.problem == "mining":
            stage = MineStage(dev_split=HELD_SPLIT, **settings)
        else:
            leave_out = True if target.choose_on == OTHER_LANGUAGES else None
            centre = HELD_SPLIT if has_dev(chain.task) else None
            stage = RetrieveStage(centre_split=centre, leave_out=leave_out, **settings)
        to.cell(chain, stage)
        if target.choose_per_arm and encoder != to.pretrained():
            to.cell(chain, replace(stage, chosen_by=_chosen_layer(to, chain, encoder)), method=OWN_LAYER)


def _chosen_layer(to: Assembly, chain: Chain, encoder: str) -> str:
    """By all languages of the task, so that a recipe that scores one more has the same layer."""
    target, task = chain.target, chain.task
    if target.choose_on == OTHER_LANGUAGES:
        languages, split, most = scored(target, task), target.split, target.max_items
    else:
        task = to.tasks[chosen_on(target, task)]
        languages, split, most = foreign(task), HELD_SPLIT, CHOICE_ITEMS
    return to.add(
        ChooseLayerStage(
            parent=encoder,
            data=tuple(to.data(task.name, language, most) for language in languages),
            split=split,
            pooling=target.pooling,
            max_length=target.train.max_length,
            centred=has_dev(chain.task) and chain.task.problem == "retrieval",
        )
    )
