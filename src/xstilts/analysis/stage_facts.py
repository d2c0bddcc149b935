"""What stages recorded beside their scores, as means over seeds, draws and languages like the scores themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from xstilts.analysis.controls import CONTROLS
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import ABSENT, MISSING, arm_name, count, metric_name, points
from xstilts.analysis.results import ArmName
from xstilts.planning.stage import Cell
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance
from xstilts.store.store import Manifest

Read = Callable[[str], float | None]
"""From an artifact to a value that it recorded, if it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """`value` is None where nothing was recorded, or where artifacts are missing."""

    value: float | None
    missing: bool = False
    languages: int = 0
    """Those that have a value."""


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """The artifacts of one task."""

    design: TaskDesign
    cells: Sequence[Cell]
    manifests: Mapping[str, Manifest | None]

    @cached_property
    def by_arm(self) -> Mapping[tuple[ArmName, str], tuple[str, ...]]:
        """Keys of the artifacts by arm and language."""
        found: dict[tuple[ArmName, str], dict[str, None]] = {}
        for cell in self.cells:
            if cell.task == self.design.task.name:
                found.setdefault((ArmName.of(cell), cell.language), {})[cell.artifact] = None
        return {place: tuple(keys) for place, keys in found.items()}

    def keys(self, arm: ArmName) -> tuple[str, ...]:
        """Artifacts of an arm in the headline languages."""
        return tuple(key for language in self.design.headline for key in self.by_arm.get((arm, language), ()))

    def facts(self, key: str) -> Mapping[str, Any]:
        manifest = self.manifests.get(key)
        return manifest.facts if manifest else {}

    def any_of(self, language: str) -> str | None:
        """An artifact that is there, of whatever arm: all score the same items of a language."""
        keys = (key for (_, own), found in self.by_arm.items() if own == language for key in found)
        return next((key for key in keys if self.manifests.get(key)), None)

    def mean(self, arm: ArmName, read: Read) -> Average:
        """Over draws and seeds, then over those headline languages that have a value."""
        keys = self.keys(arm)
        if not keys or any(self.manifests.get(key) is None for key in keys):
            return Average(value=None, missing=bool(keys))
        found = []
        for language in self.design.headline:
            values = [value for key in self.by_arm.get((arm, language), ()) if (value := read(key)) is not None]
            found += [fmean(values)] if values else []
        return Average(value=fmean(found) if found else None, languages=len(found))


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
                        recorded.mean(arm, lambda key, name=name: recorded.facts(key)["scores"].get(name)),
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
