"""The table of closed-form heads whose settings were selected by leaving out each shot."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import TypeVar

from xstilts.analysis.names import arm_name
from xstilts.analysis.results import ArmName
from xstilts.methods.lda_settings import LdaSettings
from xstilts.planning.stage import Cell
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance
from xstilts.store.facts import FewshotFacts
from xstilts.store.store import Manifest

Value = TypeVar("Value")


def selected_settings_table(
    cells: Sequence[Cell], manifests: Mapping[str, Manifest | None], provenance: Provenance
) -> Table | None:
    """For each arm: the selected settings with the number of runs, and the accuracy that they promised and reached.

    None if no run selected any.
    """
    selected = [(cell, settings) for cell in cells if (settings := _settings(manifests[cell.artifact])) is not None]
    if not selected:
        return None
    return Table(
        caption="Closed-form heads: shrinkage and weight of a shot, selected by leaving out each shot with its group, "
        "over all languages, seeds and draws. Accuracy in percent: shots have as many examples of every class, scored "
        "items do not.",
        heads=(
            (
                Head(text="task", number=False),
                Head(text="arm", number=False),
                Head(text="runs"),
                Head(text="shrinkage and weight (runs)", number=False),
                Head(text="left-out shots"),
                Head(text="scored items"),
            ),
        ),
        rows=tuple(
            _row(task, arm, [(manifests[cell.artifact], settings) for cell, settings in runs], provenance)
            for (task, arm), runs in by_task_and_arm(selected)
        ),
    )


def _row(task: str, arm: ArmName, runs: Sequence[tuple[Manifest | None, LdaSettings]], provenance: Provenance) -> Row:
    counts = Counter((settings.shrinkage, settings.shots_weight) for _, settings in runs)
    texts = [f"{shrinkage:g} and {weight:g} ({count})" for (shrinkage, weight), count in counts.most_common()]
    reached = [score for manifest, _ in runs if (score := _accuracy(manifest)) is not None]
    left_out = fmean(settings.accuracy for _, settings in runs)
    entries = (
        Entry(text=task, kind="head"),
        Entry(text=arm_name(arm)),
        Entry(text=str(len(runs)), kind="number", href=provenance.link(task, arm)),
        Entry(text=", ".join(texts)),
        Entry(text=f"{100 * left_out:.1f}", kind="number"),
        Entry(text=f"{100 * fmean(reached):.1f}" if reached else "", kind="number"),
    )
    return Row(entries=entries)


def _accuracy(manifest: Manifest | None) -> float | None:
    scores = manifest.facts.scores.by_metric if manifest and isinstance(manifest.facts, FewshotFacts) else {}
    return scores.get("accuracy", scores.get("token_accuracy"))


def _settings(manifest: Manifest | None) -> LdaSettings | None:
    return manifest.facts.settings if manifest and isinstance(manifest.facts, FewshotFacts) else None


def by_task_and_arm(
    values: Iterable[tuple[Cell, Value]],
) -> Iterator[tuple[tuple[str, ArmName], list[tuple[Cell, Value]]]]:
    """The cells of each arm of a task with their values, in the order of tasks and arms."""

    def task_and_arm(item: tuple[Cell, Value]) -> tuple[str, ArmName]:
        return item[0].task, ArmName.of(item[0])

    return ((key, list(runs)) for key, runs in groupby(sorted(values, key=task_and_arm), key=task_and_arm))
