"""Statements about how a paper went about it, checked against the graph of a recipe that was run."""

from collections.abc import Sequence

from xstilts.analysis.claims.lab import Evidence, Finding, NotTestable
from xstilts.analysis.claims.setting import is_encoder
from xstilts.analysis.claims.statements import Encoder, Intermediates, Phases
from xstilts.analysis.names import count
from xstilts.encoders import find_card
from xstilts.planning.specs import EvaluateStage, IntermediateStage, PretrainedStage, TargetStage


def protocol(lab: Evidence, predicate: Encoder | Phases | Intermediates) -> Finding:
    """A fact of the recipe: it follows the protocol or it does not, and then says nothing of the statement."""
    gone = sum(cell.artifact not in lab.transfer.items for cell in lab.transfer.cells)
    if gone or not lab.transfer.cells:
        raise NotTestable(f"{count(gone, 'score')} missing: a recipe counts once it was run")
    match predicate:
        case Encoder():
            told = _starts_from(lab, predicate.encoder)
        case Phases():
            told = _has_phases(lab)
        case Intermediates():
            told = _has_arms(lab, predicate.tasks)
    tasks, absent = lab.present()
    lacks = (*absent, *lab.lacks(tasks, lab.transfer.arms))
    return Finding(outcome="holds", why=told, tasks=tasks, lacks=lacks)


def _starts_from(lab: Evidence, encoder: str) -> str:
    if not is_encoder(lab.transfer.recipe, encoder):
        raise NotTestable(f"the recipe starts from {lab.transfer.recipe.encoder}")
    return f"the recipe starts from {lab.transfer.recipe.encoder}"


def _has_phases(lab: Evidence) -> str:
    card = find_card(lab.transfer.recipe.encoder)
    if card.trained_on is None:
        raise NotTestable(f"what {card.name} was trained on is unknown")
    if other := [seen.how for seen in card.trained_on if seen.how != "as raw text"]:
        raise NotTestable(f"{card.name} is no plain language model: it was also trained {other[0]}")
    stages, plain = lab.transfer.graph.stages, lab.plain()
    chains = [
        [stages[cell.artifact], *_above(lab, cell.artifact)]
        for cell in lab.transfer.cells
        if cell.intermediate in plain and isinstance(stages[cell.artifact], EvaluateStage)
    ]
    shape = (EvaluateStage, TargetStage, IntermediateStage, PretrainedStage)
    if not chains or any(tuple(map(type, chain)) != shape for chain in chains):
        raise NotTestable("no target is trained after an intermediate task" if not chains else "a chain differs")
    return f"{count(len(chains), 'score')}: pretrained, intermediate, target, evaluate"


def _above(lab: Evidence, key: str) -> list[object]:
    """The stages that a stage's first input goes back over."""
    inputs = lab.transfer.graph.stages[key].inputs
    return [lab.transfer.graph.stages[inputs[0]], *_above(lab, inputs[0])] if inputs else []


def _has_arms(lab: Evidence, tasks: Sequence[str]) -> str:
    have = {lab.transfer.recipe.intermediate[arm].tasks[0] for arm in lab.singles()}
    if absent := [task for task in tasks if task not in have]:
        raise NotTestable(f"{len(tasks) - len(absent)} of {len(tasks)} are there; absent: {', '.join(absent)}")
    return f"an arm for each of {', '.join(tasks)}, in English"
