"""The table of all metrics of a task, and entries for means of recorded values."""

from xstilts.analysis.controls import CONTROL_METHODS
from xstilts.analysis.names import ABSENT, MISSING, arm_name, metric_name, points
from xstilts.analysis.stage_facts import FactMean, StageFacts
from xstilts.plurals import plural
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance


def fact_entry(mean: FactMean, href: str, languages: int) -> Entry:
    """A mean in points; `languages` is the number of headline languages, noted if the mean does not cover them."""
    if mean.missing:
        return Entry(text=MISSING, kind="missing", href=href)
    if mean.value is None:
        return Entry(text=ABSENT, kind="absent", tooltip="not recorded")
    note = "" if mean.languages == languages else plural(mean.languages, "language")
    return Entry(text=points(mean.value), note=note, href=href, kind="number")


def metrics_table(facts: StageFacts, provenance: Provenance) -> Table:
    """All metrics of a task by arm."""
    design, task = facts.design, facts.design.task

    def score(key: str, metric: str) -> float | None:
        scored = facts.scored(key)
        return scored.scores.by_metric.get(metric) if scored else None

    rows = []
    for arm in (arm for arm in design.arms if arm.method not in CONTROL_METHODS):
        means = (facts.mean(arm, lambda key, metric=metric: score(key, metric)) for metric in task.scores)
        href = provenance.link(task.name, arm)
        rows.append(
            Row(
                entries=(
                    Entry(text=arm_name(arm), kind="head"),
                    *(fact_entry(mean, href, len(design.headline)) for mean in means),
                ),
                kind="muted" if design.is_control(arm) else "",
            )
        )
    return Table(
        caption=f"{task.name}: all metrics, mean over {plural(len(design.headline), 'language')}, seeds and draws.",
        heads=((Head(text="arm", number=False), *(Head(text=metric_name(name)) for name in task.scores)),),
        rows=tuple(rows),
    )
