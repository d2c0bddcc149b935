"""What the template of the fit report shows, as text and numbers in points. Does not import torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xstilts.analysis.names import ABSENT, language_name, points, seconds_name, signed
from xstilts.fitting.report import Arm, ClassScore, Difference, Estimate, FitReport
from xstilts.fitting.wording import ROLES, capitalised, score_range, selected_arm, trivial_arm, weakest_classes
from xstilts.plurals import plural

_TOP_ARMS = 3
"""Arms on the first screen, besides the selected one and the trivial baseline."""
_NAMED_COLUMNS = 8
"""Classes up to which the columns of the confusion matrix are named; more are numbered."""
_CONFUSIONS = 10
_MATRIX = 100
"""Classes up to which there is a confusion matrix."""
_KINDS = {
    "trivial": "trivial baseline",
    "head": "head",
    "encoder": "trained encoder",
    "unlabelled": "with unlabelled texts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A score with its interval, in points."""

    name: str
    note: str = ""
    text: str
    score: float
    low: float | None = None
    high: float | None = None
    kind: Literal["selected", "trivial", "other"] = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow:
    name: str
    description: str
    kind: str
    score: str
    interval: str
    step: str
    step_interval: str
    english: str
    seconds: str
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows by class; the heads and totals belong to one file each."""

    heads: tuple[tuple[str, str], ...]
    """Language and role."""
    totals: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    text: str
    shade: str
    """A class of the style sheet: r0 to r10 for right predictions, w0 to w10 for wrong ones, by share of the row."""
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    named: bool
    """Whether columns have names; otherwise rows and columns are numbered."""
    labels: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """Empty with too many classes."""
    confusions: tuple[tuple[str, str, str], ...]
    """Label, predicted label and count, most frequent first."""


def top_bars(report: FitReport) -> tuple[Bar, ...]:
    """The selected arm, the best others, and the trivial baseline last."""
    selected = selected_arm(report)
    bars: list[Bar] = []
    if report.estimate is not None:
        bars.append(_bar("This model", report.estimate, note=selected.description if selected else "", kind="selected"))
    if report.test is not None:
        bars.append(_bar("This model on your test file", report.test, kind="selected"))
    if not bars:
        return _english_bars(report)
    scored = [(arm, arm.estimate) for arm in report.arms if arm.estimate and not arm.selected and arm.kind != "trivial"]
    scored.sort(key=lambda pair: -pair[1].score)
    bars += [_bar(capitalised(arm.description), score) for arm, score in scored[:_TOP_ARMS]]
    trivial = trivial_arm(report)
    score = report.trivial or (trivial.estimate if trivial else None)
    if score is not None:
        name = capitalised(trivial.description) if trivial else "Trivial baseline"
        bars.append(_bar(name, score, note="a baseline that does not read the text", kind="trivial"))
    return tuple(bars)


def class_bars(scores: Sequence[ClassScore]) -> tuple[Bar, ...]:
    """F1 of each class, with precision, recall and counts as small print."""
    return tuple(
        Bar(
            name=score.label,
            note=f"{plural(score.rows, 'row')}, {score.english_rows:,} English; precision {points(score.precision)}, "
            f"recall {points(score.recall)}",
            text=f"{points(score.f1)} ({points(score.f1_low)} to {points(score.f1_high)})",
            score=100 * score.f1,
            low=100 * score.f1_low,
            high=100 * score.f1_high,
            kind="selected",
        )
        for score in scores
    )


def weakest_bars(report: FitReport) -> tuple[Bar, ...]:
    return class_bars(weakest_classes(report))


def arm_rows(report: FitReport) -> tuple[ArmRow, ...]:
    """All arms in the order of the report, each with its difference from the one before."""
    before: tuple[Arm | None, ...] = (None, *report.arms[:-1])
    return tuple(_arm_row(arm, previous) for previous, arm in zip(before, report.arms, strict=False))


def counts(report: FitReport) -> Counts:
    labels = tuple(dict.fromkeys([*report.labels, *(label for data in report.data for label in data.by_label)]))
    labelled = [data for data in report.data if data.role != "unlabelled"]
    files = [*labelled, *(data for data in report.data if data.role == "unlabelled")]
    return Counts(
        heads=tuple((language_name(data.language), ROLES[data.role]) for data in files),
        totals=tuple(f"{data.rows:,}" for data in files),
        rows=tuple(
            (label, tuple(f"{data.by_label.get(label, 0):,}" if data in labelled else "" for data in files))
            for label in labels
        ),
    )


def matrix(report: FitReport) -> Matrix | None:
    """None without held-out predictions of one class each."""
    found = report.confusion
    if not found:
        return None
    labels = tuple(dict.fromkeys([*report.labels, *found, *(predicted for row in found.values() for predicted in row)]))
    wrong = [(label, to, n) for label, row in found.items() for to, n in row.items() if label != to and n]
    wrong.sort(key=lambda each: -each[2])
    totals = {label: sum(row.values()) for label, row in found.items()}
    return Matrix(
        named=len(labels) <= _NAMED_COLUMNS,
        labels=labels,
        rows=()
        if len(labels) > _MATRIX
        else tuple(
            tuple(_cell(label, to, found.get(label, {}).get(to, 0), totals.get(label, 0)) for to in labels)
            for label in labels
        ),
        confusions=tuple((label, to, f"{n:,} of {totals[label]:,}") for label, to, n in wrong[:_CONFUSIONS]),
    )


def _cell(label: str, predicted: str, count: int, total: int) -> Cell:
    tenths = -(-10 * count // total) if total else 0
    return Cell(
        text=f"{count:,}" if count else "",
        shade=f"{'r' if label == predicted else 'w'}{tenths}",
        tooltip=f"{label} \u2192 {predicted}: {count:,} of {plural(total, 'row')}",
    )


def _arm_row(arm: Arm, before: Arm | None) -> ArmRow:
    difference = arm.difference
    step = interval = ""
    if difference is not None:
        step, interval = signed(difference.value), _signed_interval(difference)
    elif arm.estimate and before and before.estimate:
        step = signed(arm.estimate.score - before.estimate.score)
    return ArmRow(
        name=arm.name,
        description=arm.description,
        kind=_KINDS[arm.kind],
        score=points(arm.estimate.score) if arm.estimate else ABSENT,
        interval=f"{points(arm.estimate.low)} to {points(arm.estimate.high)}" if arm.estimate else "",
        step=step or ABSENT,
        step_interval=interval,
        english=ABSENT if arm.english is None else points(arm.english),
        seconds=seconds_name(arm.seconds),
        selected=arm.selected,
    )


def _signed_interval(difference: Difference) -> str:
    return f"{signed(difference.low)} to {signed(difference.high)}"


def _english_bars(report: FitReport) -> tuple[Bar, ...]:
    scored = [(arm, arm.english) for arm in report.arms if arm.english is not None]
    selected = [pair for pair in scored if pair[0].selected]
    others = [pair for pair in scored if not pair[0].selected and pair[0].kind != "trivial"]
    trivial = [pair for pair in scored if pair[0].kind == "trivial"]
    shown = [*selected, *sorted(others, key=lambda pair: -pair[1])[:_TOP_ARMS], *trivial]
    return tuple(
        Bar(
            name=capitalised(arm.description),
            note="selected" if arm.selected else "",
            text=points(english),
            score=100 * english,
            kind="selected" if arm.selected else "trivial" if arm.kind == "trivial" else "other",
        )
        for arm, english in shown
    )


def _bar(
    name: str, estimate: Estimate, *, note: str = "", kind: Literal["selected", "trivial", "other"] = "other"
) -> Bar:
    return Bar(
        name=name,
        note=note,
        text=score_range(estimate),
        score=100 * estimate.score,
        low=100 * estimate.low,
        high=100 * estimate.high,
        kind=kind,
    )
