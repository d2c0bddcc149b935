"""Whether a predicate holds of the scores of a recipe: one function for each kind."""

import math
from collections.abc import Mapping

from xstilts.analysis import stats
from xstilts.analysis.claims.lab import Evidence, Finding, NotTestable, Outcome
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
from xstilts.analysis.names import count
from xstilts.analysis.transfer import BEST, Transfer

_MANY = 3
"""Arms that "many" are, at least."""
_ROUNDING = 0.0005
"""Half of a tenth of a point, to which figures are published."""


def judge(predicate: Predicate, transfer: Transfer, statements: Statements) -> Finding:
    """The outcome of a predicate. What is missing is never guessed: the predicate is then untested, with the reason."""
    lab = Evidence(transfer, statements)
    try:
        match predicate:
            case Gain():
                return _gain(lab, predicate)
            case Best():
                return _best(lab, predicate)
            case Most():
                return _most(lab, predicate)
            case ConsistentGain():
                return _consistent_gain(lab, predicate)
            case NoGain():
                return _no_gain(lab, predicate)
            case BestPerTarget():
                return _best_per_target(lab, predicate)
            case Beats():
                return _beats(lab, predicate)
            case Encoder() | Phases() | Intermediates():
                return protocol(lab, predicate)
    except NotTestable as reason:
        return Finding(outcome="untested", why=str(reason))


def _gain(lab: Evidence, predicate: Gain) -> Finding:
    tasks, lacks = lab.tasks(predicate.over)
    arm, fewer = lab.arm(predicate.tasks)
    title, effect = f"{arm}, {lab.mean(predicate.over)}", lab.known(lab.transfer.effect(tasks, arm))
    lacks = (*lacks, *fewer, *lab.lacks(tasks, [arm]))
    outcome, why = _raised(effect, None if lacks else predicate.figure)
    return Finding(
        outcome=outcome,
        why=why,
        measured={title: effect},
        tasks=tasks,
        lacks=lacks,
    )


def _best(lab: Evidence, predicate: Best) -> Finding:
    """By intersection and union: better than all only where better than each, so no correction is due."""
    tasks, lacks = lab.tasks(predicate.over)
    together, fewer = lab.arm(predicate.tasks)
    singles = [arm for arm in lab.singles() if arm in lab.parts(together)]
    if len(singles) < 2:
        raise NotTestable(f"{together} stands beside {count(len(singles), 'arm')} with one of its tasks")
    if absent := len(set(predicate.tasks)) - len(singles):
        fewer = (*fewer, f"{count(absent, 'single task')} of {len(predicate.tasks)} have no arm of their own")
    differences = {
        f"{together} minus {single}, {lab.mean(predicate.over)}": lab.known(
            lab.transfer.pooled(tasks, ((1.0, together), (-1.0, single)))
        )
        for single in singles
    }
    lacks = (*lacks, *fewer, *lab.lacks(tasks, [together, *singles]))
    return Finding(outcome=_all_above(differences), measured=_smallest(differences), tasks=tasks, lacks=lacks)


def _most(lab: Evidence, predicate: Most) -> Finding:
    """The same way, against each other target."""
    there = lab.tasks("all")[0]
    if absent := [task for task in predicate.targets if task not in there]:
        raise NotTestable(f"{', '.join(absent)} absent from the recipe")
    others = [task for task in there if task not in predicate.targets]
    if not others:
        raise NotTestable("there is no other target of the suite")
    arms, fewer = lab.many()
    shares = [1 / len(predicate.targets)] * len(predicate.targets)
    name = " and ".join(predicate.targets)
    differences = {
        f"gain on {name} minus that on {other}": lab.known(
            lab.transfer.pooled((*predicate.targets, other), lab.mean_gain(arms), [*shares, -1.0])
        )
        for other in others
    }
    lacks = (*lab.tasks("all")[1], *fewer, *lab.lacks(there, arms))
    return Finding(outcome=_all_above(differences), measured=_smallest(differences), tasks=there, lacks=lacks)


def _consistent_gain(lab: Evidence, predicate: ConsistentGain) -> Finding:
    task = lab.target(predicate.target)
    arms, fewer = lab.many()
    if len(arms) < _MANY:
        raise NotTestable(f"{count(len(arms), 'arm')} with one task: not many")
    effects = {arm: lab.known(lab.transfer.effect((task,), arm)) for arm in arms}
    family = stats.correct(effects)
    gains = [arm for arm, found in family.items() if found.significant and found.estimate.value > 0]
    none = [arm for arm, effect in effects.items() if effect.high < predicate.margin / 100]
    half = len(arms) / 2
    outcome = "holds" if len(gains) > half else "fails" if len(arms) - len(none) <= half else "open"
    told = f"{len(gains)} of {len(arms)} arms gain (Holm), {len(none)} gain less than {predicate.margin:.1f} points"
    measured = {f"{arm}, {task}": effect for arm, effect in effects.items()}
    lacks = (*fewer, *lab.lacks((task,), arms))
    return Finding(outcome=outcome, why=told, measured=measured, tasks=(task,), lacks=lacks)


def _no_gain(lab: Evidence, predicate: NoGain) -> Finding:
    task = lab.target(predicate.target)
    arms, fewer = lab.many()
    effect = lab.known(lab.transfer.pooled((task,), lab.mean_gain(arms)))
    margin = predicate.margin / 100
    return Finding(
        outcome="holds" if effect.high < margin else "fails" if effect.low > margin else "open",
        measured={f"mean over {count(len(arms), 'arm')}, {task}": effect},
        tasks=(task,),
        lacks=(*fewer, *lab.lacks((task,), arms)),
    )


def _best_per_target(lab: Evidence, predicate: BestPerTarget) -> Finding:
    tasks, lacks = lab.tasks(predicate.over)
    effect = lab.known(lab.transfer.effect(tasks, BEST))
    _, fewer = lab.many()
    lacks = (*lacks, *fewer, *lab.lacks(tasks, lab.transfer.arms))
    outcome, why = _raised(effect, None if lacks else predicate.figure)
    return Finding(
        outcome=outcome,
        why=why,
        measured={f"chosen on development data, {lab.mean(predicate.over)}": effect},
        tasks=tasks,
        lacks=lacks,
    )


def _beats(lab: Evidence, predicate: Beats) -> Finding:
    tasks, lacks = lab.tasks(predicate.over)
    pairs = lab.pairs(predicate.other)
    weights = tuple((sign / len(pairs), arm) for plain, other in pairs for sign, arm in ((1.0, plain), (-1.0, other)))
    effect = lab.known(lab.transfer.pooled(tasks, weights))
    told = "; ".join(f"{plain} minus {other}" for plain, other in pairs)
    used = [arm for pair in pairs for arm in pair]
    return Finding(
        outcome=_raised(effect)[0],
        measured={f"{told}, {lab.mean(predicate.over)}": effect},
        tasks=tasks,
        lacks=(*lacks, *lab.lacks(tasks, used)),
    )


def _raised(effect: stats.Estimate, figure: float | None = None) -> tuple[Outcome, str]:
    """Whether there is a gain, and one of `figure` points if one is given; with the reason where the figure decides.

    The figure was measured too, so it may lie outside the interval by as much as another run of this design would: the
    prediction interval of a replication is wider by the square root of 2 (Patil, Peng and Leek 2016).
    """
    if figure is not None and effect.high > 0:
        half = math.sqrt(2) * (effect.high - effect.low) / 2
        if abs(effect.value - figure / 100) > half + _ROUNDING:
            low, high = (100 * (effect.value + sign * half) for sign in (-1, 1))
            return "fails", f"a run like this one would give {low:+.1f} to {high:+.1f}, and {figure:+.1f} was stated"
    return ("holds" if effect.low > 0 else "fails" if effect.high < 0 else "open"), ""


def _all_above(differences: Mapping[str, stats.Estimate]) -> Outcome:
    if all(difference.low > 0 for difference in differences.values()):
        return "holds"
    return "fails" if any(difference.high < 0 for difference in differences.values()) else "open"


def _smallest(differences: Mapping[str, stats.Estimate]) -> Mapping[str, stats.Estimate]:
    name = min(differences, key=lambda name: differences[name].value)
    return {name: differences[name]}
