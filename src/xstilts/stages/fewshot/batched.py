"""Few-shot episodes that are trained side by side: which go together, and what each of them learns."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby

from torch import Tensor

from xstilts.errors import StageError
from xstilts.models.inputs import Feed
from xstilts.models.speed.episode_batch import can_line_up, line_up
from xstilts.models.tuning import snapshot, split_head, trained
from xstilts.planning.specs import FewshotStage
from xstilts.stages.artifacts import joint_sum
from xstilts.stages.environment import Emit
from xstilts.stages.fewshot.episode import Learned, Taught, adapted, fit_seed, shots_feed, shots_of
from xstilts.stages.fewshot.episode_model import Bench, settings
from xstilts.stages.job_context import Workshop
from xstilts.stages.progress import steps_to
from xstilts.train.batched import fit_lineup
from xstilts.train.fit import steps_of

Member = tuple[FewshotStage, Feed, int]
"""An episode, its shots, and the steps that it trains."""
Place = tuple[int, int]
"""The number of its shots, and its draw."""


def taught_beside(spec: FewshotStage, workshop: Workshop, bench: Bench, emit: Emit) -> Taught | None:
    """What an episode learns beside the others of its lineup, all of which are trained at the first call of a job.

    None where it is trained alone. The bench is left as it was.
    """
    if not spec.beside or bench.pupil.look is not None:
        return None
    lineup = spec.lineup
    found = workshop.once(("lineup", lineup[0].key), lambda: _teach(lineup, workshop, bench, emit))
    return found.get((spec.shots, spec.draw))


def _teach(lineup: Sequence[FewshotStage], workshop: Workshop, bench: Bench, emit: Emit) -> dict[Place, Taught]:
    """What the episodes learn, by their shots and draw, without those that cannot be trained side by side."""
    with adapted(lineup[0], bench):
        fit = can_line_up(bench.pupil.part, bench.pupil.problem)
    bench.reset()
    if not fit:
        return {}
    members: list[Member] = []
    for spec in lineup:
        feed = shots_feed(spec, workshop, bench, shots_of(spec, workshop, bench))
        members.append((spec, feed, steps_of(feed.lengths, settings(spec))))
    found: dict[Place, Taught] = {}
    for together in _rows(members):
        with suppress(StageError):  # one whose loss is not finite says so where it trains alone, and stops no other
            found |= _train(together, bench, emit)
    bench.reset()
    return found


def _rows(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Episodes of equal steps."""
    for _, found in groupby(sorted(members, key=lambda member: member[2]), key=lambda member: member[2]):
        yield list(found)


def _train(members: Sequence[Member], bench: Bench, emit: Emit) -> dict[Place, Taught]:
    specs, feeds = [spec for spec, _, _ in members], [feed for _, feed, _ in members]
    initial = [_initial(spec, bench) for spec in specs]
    bench.reset()
    seeds = [fit_seed(spec) for spec in specs]
    with adapted(specs[0], bench):
        part = bench.pupil.part
        names = {id(parameter): name for name, parameter in trained(part).items()}
        head = frozenset(names[id(parameter)] for parameter in split_head(part)[1])
        lineup = line_up(part, initial, seeds)
        train, steps, report = settings(specs[0]), members[0][2], steps_to(specs[0], emit)
        fitted = fit_lineup(lineup, feeds, steps, train, seeds=seeds, head=head, report=report)
    left = [lineup.weights(number) for number in range(len(specs))]
    return {
        (spec.shots, spec.draw): (Learned(fitted=own, before=joint_sum(first), after=joint_sum(last)), last)
        for spec, own, first, last in zip(specs, fitted, initial, left, strict=True)
    }


def _initial(spec: FewshotStage, bench: Bench) -> dict[str, Tensor]:
    """The weights that an episode begins with, its adapters among them."""
    bench.reset()
    with adapted(spec, bench):
        return snapshot(bench.pupil.part)
