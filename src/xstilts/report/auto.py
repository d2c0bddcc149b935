"""The table of episodes whose method `auto` selected."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

from xstilts.analysis.names import arm_name
from xstilts.analysis.results import ArmName
from xstilts.methods.auto import AutoSelection
from xstilts.planning.stage import Cell
from xstilts.report.closed_form import by_task_and_arm
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance
from xstilts.store.facts import FewshotFacts
from xstilts.store.store import Manifest


def selected_candidates_table(
    cells: Sequence[Cell], manifests: Mapping[str, Manifest | None], provenance: Provenance
) -> Table | None:
    """For each arm: the selected candidates with the number of runs, and the score that was expected and reached.

    None if `auto` is not among the methods.
    """
    selected = [(cell, facts) for cell in cells if (facts := _facts(manifests[cell.artifact])) is not None]
    if not selected:
        return None
    return Table(
        caption="Candidates that the method auto selected, over all languages, seeds and draws. The expected score is "
        "that on left-out shots, or on English development data if there are too few; it is a mean over groups of "
        "examples, and scored items have another mix of classes.",
        heads=(
            (
                Head(text="task", number=False),
                Head(text="arm", number=False),
                Head(text="runs"),
                Head(text="selected (runs)", number=False),
                Head(text="default replaced"),
                Head(text="expected"),
                Head(text="reached"),
            ),
        ),
        rows=tuple(
            _row(task, arm, [facts for _, facts in runs], provenance) for (task, arm), runs in by_task_and_arm(selected)
        ),
    )


def _row(task: str, arm: ArmName, runs: Sequence[tuple[AutoSelection, float | None]], provenance: Provenance) -> Row:
    counts = Counter(selection.candidate for selection, _ in runs)
    overruled = sum(selection.candidate != selection.default for selection, _ in runs)
    expected = [selection.expected for selection, _ in runs if selection.expected is not None]
    reached = [score for _, score in runs if score is not None]
    entries = (
        Entry(text=task, kind="head"),
        Entry(text=arm_name(arm)),
        Entry(text=str(len(runs)), kind="number", href=provenance.link(task, arm)),
        Entry(text=", ".join(f"{name} ({count})" for name, count in counts.most_common())),
        Entry(text=str(overruled), kind="number"),
        Entry(text=_percent(expected), kind="number"),
        Entry(text=_percent(reached), kind="number"),
    )
    return Row(entries=entries)


def _percent(scores: Sequence[float]) -> str:
    return f"{100 * fmean(scores):.1f}" if scores else ""


def _facts(manifest: Manifest | None) -> tuple[AutoSelection, float | None] | None:
    """What was selected, and the score of the scored items by the same metric."""
    facts = manifest.facts if manifest else None
    if not isinstance(facts, FewshotFacts) or facts.selected is None:
        return None
    return facts.selected, facts.scores.by_metric.get(facts.selected.metric)
