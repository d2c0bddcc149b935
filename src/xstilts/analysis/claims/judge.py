"""Whether a predicate holds for the scores of a recipe: one function per kind of predicate."""

import math
from collections.abc import Mapping

from xstilts.analysis import stats
from xstilts.analysis.claims.evidence import Evidence, NotTestable, PredicateOutcome, PredicateResult
from xstilts.analysis.claims.protocol import protocol
from xstilts.analysis.claims.statements import (
    Beats,
    Best,
    BestPerTarget,
    ConsistentGain,
    Encoder,
    Gain,
    Intermediates,
    Most,
    NoGain,
    Phases,
    Predicate,
    Statements,
)
from xstilts.analysis.transfer import CHOSEN_ARM, Transfer
from xstilts.plurals import plural

_MIN_ARMS = 3
"""The fewest arms that can show a consistent gain."""
_ROUNDING = 0.0005
"""Half of 0.1 points: published figures are rounded to 0.1 points."""


def judge(predicate: Predicate, transfer: Transfer, statements: Statements) -> PredicateResult:
    """The outcome of a predicate. If scores or arms are missing, the outcome is `untested`, with the reason."""
    evidence = Evidence(transfer, statements)
    try:
        match predicate:
            case Gain():
                return _gain(evidence, predicate)
            case Best():
                return _best(evidence, predicate)
            case Most():
                return _most(evidence, predicate)
            case ConsistentGain():
                return _consistent_gain(evidence, predicate)
            case NoGain():
                return _no_gain(evidence, predicate)
            case BestPerTarget():
                return _best_per_target(evidence, predicate)
            case Beats():
                return _beats(evidence, predicate)
            case Encoder() | Phases() | Intermediates():
                return protocol(evidence, predicate)
    except NotTestable as reason:
        return PredicateResult(outcome="untested", why=str(reason))


def _gain(evidence: Evidence, predicate: Gain) -> PredicateResult:
    tasks, deviations = evidence.tasks(predicate.over)
    arm, missing_tasks = evidence.arm(predicate.tasks)
    effect = evidence.require(evidence.transfer.effect(tasks, arm))
    deviations = (*deviations, *missing_tasks, *evidence.deviations(tasks, [arm]))
    outcome, why = _gain_outcome(effect, None if deviations else predicate.figure)
    measured = {f"{arm}, {evidence.mean(predicate.over)}": effect}
    return PredicateResult(outcome=outcome, why=why, measured=measured, tasks=tasks, deviations=deviations)


def _best(evidence: Evidence, predicate: Best) -> PredicateResult:
    """An intersection-union test: the arm must beat each single-task arm, so no correction is needed."""
    tasks, deviations = evidence.tasks(predicate.over)
    together, missing_tasks = evidence.arm(predicate.tasks)
    singles = evidence.single_task_arms_of(together)
    if len(singles) < 2:
        raise NotTestable(
            f"{together} can be compared with {plural(len(singles), 'arm')} that has one of its tasks, not 2"
        )
    if missing := len(set(predicate.tasks)) - len(singles):
        missing_tasks = (
            *missing_tasks,
            f"{plural(missing, 'single task')} of {len(predicate.tasks)} have no arm",
        )
    differences = {
        f"{together} minus {single}, {evidence.mean(predicate.over)}": evidence.require(
            evidence.transfer.pooled(tasks, ((1.0, together), (-1.0, single)))
        )
        for single in singles
    }
    deviations = (*deviations, *missing_tasks, *evidence.deviations(tasks, [together, *singles]))
    return PredicateResult(
        outcome=_all_above_zero(differences), measured=_smallest(differences), tasks=tasks, deviations=deviations
    )


def _most(evidence: Evidence, predicate: Most) -> PredicateResult:
    """An intersection-union test against each other target."""
    targets = evidence.tasks("all")[0]
    if missing := [task for task in predicate.targets if task not in targets]:
        raise NotTestable(f"{', '.join(missing)} not in the recipe")
    others = [task for task in targets if task not in predicate.targets]
    if not others:
        raise NotTestable("the recipe has no other target of the suite")
    arms, missing_tasks = evidence.required_single_task_arms()
    shares = [1 / len(predicate.targets)] * len(predicate.targets)
    name = " and ".join(predicate.targets)
    differences = {
        f"gain on {name} minus that on {other}": evidence.require(
            evidence.transfer.pooled((*predicate.targets, other), evidence.mean_gain(arms), [*shares, -1.0])
        )
        for other in others
    }
    deviations = (*evidence.tasks("all")[1], *missing_tasks, *evidence.deviations(targets, arms))
    return PredicateResult(
        outcome=_all_above_zero(differences), measured=_smallest(differences), tasks=targets, deviations=deviations
    )


def _consistent_gain(evidence: Evidence, predicate: ConsistentGain) -> PredicateResult:
    task = evidence.target(predicate.target)
    arms, missing_tasks = evidence.required_single_task_arms()
    if len(arms) < _MIN_ARMS:
        raise NotTestable(f"{plural(len(arms), 'arm')} with one task; at least {_MIN_ARMS} are needed")
    effects = {arm: evidence.require(evidence.transfer.effect((task,), arm)) for arm in arms}
    family = stats.correct(effects)
    gains = [arm for arm, corrected in family.items() if corrected.significant and corrected.estimate.value > 0]
    no_gains = [arm for arm, effect in effects.items() if effect.high < predicate.margin / 100]
    majority = len(arms) / 2
    outcome = "holds" if len(gains) > majority else "fails" if len(arms) - len(no_gains) <= majority else "open"
    why = f"{len(gains)} of {len(arms)} arms gain (Holm), {len(no_gains)} gain less than {predicate.margin:.1f} points"
    measured = {f"{arm}, {task}": effect for arm, effect in effects.items()}
    deviations = (*missing_tasks, *evidence.deviations((task,), arms))
    return PredicateResult(outcome=outcome, why=why, measured=measured, tasks=(task,), deviations=deviations)


def _no_gain(evidence: Evidence, predicate: NoGain) -> PredicateResult:
    task = evidence.target(predicate.target)
    arms, missing_tasks = evidence.required_single_task_arms()
    effect = evidence.require(evidence.transfer.pooled((task,), evidence.mean_gain(arms)))
    margin = predicate.margin / 100
    return PredicateResult(
        outcome="holds" if effect.high < margin else "fails" if effect.low > margin else "open",
        measured={f"mean over {plural(len(arms), 'arm')}, {task}": effect},
        tasks=(task,),
        deviations=(*missing_tasks, *evidence.deviations((task,), arms)),
    )


def _best_per_target(evidence: Evidence, predicate: BestPerTarget) -> PredicateResult:
    tasks, deviations = evidence.tasks(predicate.over)
    effect = evidence.require(evidence.transfer.effect(tasks, CHOSEN_ARM))
    _, missing_tasks = evidence.required_single_task_arms()
    deviations = (*deviations, *missing_tasks, *evidence.deviations(tasks, evidence.transfer.arms))
    outcome, why = _gain_outcome(effect, None if deviations else predicate.figure)
    measured = {f"chosen on development data, {evidence.mean(predicate.over)}": effect}
    return PredicateResult(outcome=outcome, why=why, measured=measured, tasks=tasks, deviations=deviations)


def _beats(evidence: Evidence, predicate: Beats) -> PredicateResult:
    tasks, deviations = evidence.tasks(predicate.over)
    pairs = evidence.arm_pairs(predicate.other)
    weights = tuple((sign / len(pairs), arm) for plain, other in pairs for sign, arm in ((1.0, plain), (-1.0, other)))
    effect = evidence.require(evidence.transfer.pooled(tasks, weights))
    title = "; ".join(f"{plain} minus {other}" for plain, other in pairs)
    used = [arm for pair in pairs for arm in pair]
    return PredicateResult(
        outcome=_gain_outcome(effect)[0],
        measured={f"{title}, {evidence.mean(predicate.over)}": effect},
        tasks=tasks,
        deviations=(*deviations, *evidence.deviations(tasks, used)),
    )


def _gain_outcome(effect: stats.Estimate, figure: float | None = None) -> tuple[PredicateOutcome, str]:
    """Whether there is a gain, and one of `figure` points if given; with the reason if the figure decided the outcome.

    The published figure has sampling error too, so it is compared with the prediction interval of a replication, which
    is wider than the confidence interval by the square root of 2 (Patil, Peng and Leek 2016).
    """
    if figure is not None and effect.high > 0:
        half = math.sqrt(2) * (effect.high - effect.low) / 2
        if abs(effect.value - figure / 100) > half + _ROUNDING:
            low, high = (100 * (effect.value + sign * half) for sign in (-1, 1))
            why = f"95% prediction interval of a replication: {low:+.1f} to {high:+.1f}; claimed: {figure:+.1f}"
            return "fails", why
    return ("holds" if effect.low > 0 else "fails" if effect.high < 0 else "open"), ""


def _all_above_zero(differences: Mapping[str, stats.Estimate]) -> PredicateOutcome:
    if all(difference.low > 0 for difference in differences.values()):
        return "holds"
    return "fails" if any(difference.high < 0 for difference in differences.values()) else "open"


def _smallest(differences: Mapping[str, stats.Estimate]) -> Mapping[str, stats.Estimate]:
    return dict([min(differences.items(), key=lambda item: item[1].value)])
