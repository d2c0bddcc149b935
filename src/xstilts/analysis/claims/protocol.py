"""Claims about a paper's procedure, checked against the stage graph of a completed recipe."""

from collections.abc import Sequence

from xstilts.analysis.claims.evidence import Evidence, NotTestable, PredicateResult
from xstilts.analysis.claims.setting import starts_from_encoder
from xstilts.analysis.claims.statements import Encoder, Intermediates, Phases
from xstilts.encoders import find_card
from xstilts.planning.specs import EvaluateStage, IntermediateStage, PretrainedStage, TargetStage
from xstilts.plurals import plural


def protocol(evidence: Evidence, predicate: Encoder | Phases | Intermediates) -> PredicateResult:
    """Holds if the recipe follows the paper's procedure; otherwise the claim cannot be tested with this recipe."""
    missing = sum(cell.artifact not in evidence.transfer.items for cell in evidence.transfer.cells)
    if missing or not evidence.transfer.cells:
        raise NotTestable(f"{plural(missing, 'score')} missing: run the recipe first")
    match predicate:
        case Encoder():
            why = _check_encoder(evidence, predicate.encoder)
        case Phases():
            why = _check_phases(evidence)
        case Intermediates():
            why = _check_arms(evidence, predicate.tasks)
    tasks, absent_targets = evidence.suite_targets()
    deviations = (*absent_targets, *evidence.deviations(tasks, evidence.transfer.arms))
    return PredicateResult(outcome="holds", why=why, tasks=tasks, deviations=deviations)


def _check_encoder(evidence: Evidence, encoder: str) -> str:
    why = f"the recipe starts from {evidence.transfer.recipe.encoder}"
    if not starts_from_encoder(evidence.transfer.recipe, encoder):
        raise NotTestable(why)
    return why


def _check_phases(evidence: Evidence) -> str:
    card = find_card(evidence.transfer.recipe.encoder)
    if card.trained_on is None:
        raise NotTestable(f"the training data of {card.name} are unknown")
    if other := [data.how for data in card.trained_on if data.how != "as raw text"]:
        raise NotTestable(f"{card.name} is not only a masked language model: it was also trained {other[0]}")
    stages, arms = evidence.transfer.graph.stages, evidence.english_arms()
    chains = [
        [stages[cell.artifact], *_ancestors(evidence, cell.artifact)]
        for cell in evidence.transfer.cells
        if cell.intermediate in arms and isinstance(stages[cell.artifact], EvaluateStage)
    ]
    phases = (EvaluateStage, TargetStage, IntermediateStage, PretrainedStage)
    if not chains or any(tuple(map(type, chain)) != phases for chain in chains):
        raise NotTestable(
            "a score has other stages before it" if chains else "no target is trained after an intermediate task"
        )
    return f"{plural(len(chains), 'score')}: pretrained, intermediate, target, evaluate"


def _ancestors(evidence: Evidence, key: str) -> list[object]:
    """The stages before a stage, following the first input of each."""
    inputs = evidence.transfer.graph.stages[key].inputs
    return [evidence.transfer.graph.stages[inputs[0]], *_ancestors(evidence, inputs[0])] if inputs else []


def _check_arms(evidence: Evidence, tasks: Sequence[str]) -> str:
    trained = {evidence.transfer.recipe.intermediate[arm].tasks[0] for arm in evidence.single_task_arms()}
    if missing := [task for task in tasks if task not in trained]:
        raise NotTestable(
            f"{len(tasks) - len(missing)} of {len(tasks)} tasks have an arm; missing: {', '.join(missing)}"
        )
    return f"an English arm for each of {', '.join(tasks)}"
