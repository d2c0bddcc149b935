"""The table of all metrics of a task, and entries for means of recorded values."""

from collections.abc import Callable

from xstilts.analysis.controls import CONTROL_METHODS
from xstilts.analysis.names import ABSENT, MISSING, arm_name, metric_name, plural, points
from xstilts.analysis.stage_facts import FactMean, StageFacts
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance


def fact_entry(average: FactMean, href: str, languages: int, format_value: Callable[[float], str] = points) -> Entry:
    """The mean, with the number of languages if it does not cover all of them."""
    if average.missing:
        return Entry(text=MISSING, kind="missing", href=href)
    if average.value is None:
        return Entry(text=ABSENT, kind="absent", tooltip="not recorded")
    note = "" if average.languages == languages else f"{plural(average.languages, 'language')}"
    return Entry(text=format_value(average.value), note=note, href=href, kind="number")


def metrics_table(facts: StageFacts, provenance: Provenance) -> Table:
    """All metrics of a task by arm."""
    design, task = facts.design, facts.design.task
    rows = tuple(
        Row(
            entries=(
                Entry(text=arm_name(arm), kind="head"),
                *(
                    fact_entry(
                        facts.mean(arm, lambda key, name=name: _score(facts, key, name)),
                        provenance.link(task.name, arm),
                        len(design.headline),
                    )
                    for name in task.scores
                ),
            ),
            kind="muted" if design.is_control(arm) else "",
        )
        for arm in design.arms
        if arm.method not in CONTROL_METHODS
    )
    return Table(
        caption=f"{task.name}: all metrics, mean over {plural(len(design.headline), 'language')}, seeds and draws.",
        heads=((Head(text="arm", number=False), *(Head(text=metric_name(name)) for name in task.scores)),),
        rows=rows,
    )


def _score(recorded: StageFacts, key: str, metric: str) -> float | None:
    facts = recorded.scored(key)
    return facts.scores.by_metric.get(metric) if facts else None
