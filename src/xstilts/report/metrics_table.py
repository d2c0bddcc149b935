"""The table of all metrics of a task, and entries for means of recorded values."""

from collections.abc import Callable

from xstilts.analysis.controls import CONTROLS
from xstilts.analysis.names import ABSENT, MISSING, arm_name, count, metric_name, points
from xstilts.analysis.stage_facts import Average, StageFacts
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance


def average_entry(average: Average, href: str, languages: int, written: Callable[[float], str] = points) -> Entry:
    """The mean; in how many languages it is, where that is not all."""
    if average.missing:
        return Entry(text=MISSING, kind="missing", href=href)
    if average.value is None:
        return Entry(text=ABSENT, kind="absent", hint="nothing of the kind was recorded")
    note = "" if average.languages == languages else f"{count(average.languages, 'language')}"
    return Entry(text=written(average.value), note=note, href=href, kind="number")


def metrics_table(recorded: StageFacts, provenance: Provenance) -> Table:
    """All metrics of a task by arm: what the one of the other tables leaves out."""
    design, task = recorded.design, recorded.design.task
    rows = tuple(
        Row(
            entries=(
                Entry(text=arm_name(arm), kind="head"),
                *(
                    average_entry(
                        recorded.mean(arm, lambda key, name=name: _score(recorded, key, name)),
                        provenance.link(task.name, arm),
                        len(design.headline),
                    )
                    for name in task.scores
                ),
            ),
            kind="apart" if design.is_control(arm) else "",
        )
        for arm in design.arms
        if arm.method not in CONTROLS
    )
    return Table(
        caption=f"{task.name}: every metric, mean over {count(len(design.headline), 'language')}, seeds and draws.",
        heads=((Head(text="arm", number=False), *(Head(text=metric_name(name)) for name in task.scores)),),
        rows=rows,
    )


def _score(recorded: StageFacts, key: str, metric: str) -> float | None:
    facts = recorded.scored(key)
    return facts.scores.by_metric.get(metric) if facts else None
