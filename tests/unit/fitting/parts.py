"""Parts of reports of fits."""

import math
from collections.abc import Sequence

from xstilts.fitting.report import (
    AbstentionPoint,
    Arm,
    Bin,
    CalibrationReport,
    ClassScore,
    Difference,
    Estimate,
    HeldOutRow,
    Neighbour,
)


def estimate(score: float, width: float = 0.06) -> Estimate:
    wide = width * math.sqrt(2)
    return Estimate(
        score=score,
        low=max(0, score - width),
        high=min(1, score + width),
        next_low=max(0, score - wide),
        next_high=min(1, score + wide),
    )


def arms() -> tuple[Arm, ...]:
    return (
        Arm(
            name="majority",
            description="always the most frequent class",
            kind="trivial",
            estimate=estimate(0.171, 0.02),
            english=0.167,
            seconds=0.01,
        ),
        Arm(
            name="english",
            description="logistic regression on the English rows",
            kind="head",
            estimate=estimate(0.612, 0.065),
            english=0.881,
            seconds=3.2,
            difference=Difference(value=0.441, low=0.37, high=0.51),
        ),
        Arm(
            name="both",
            description="logistic regression on the English and Swahili rows",
            kind="head",
            estimate=estimate(0.734, 0.058),
            english=0.879,
            seconds=3.9,
            selected=True,
            difference=Difference(value=0.122, low=0.048, high=0.19),
        ),
        Arm(
            name="both+adapt",
            description="the same, on an encoder that was trained further on your unlabelled texts",
            kind="unlabelled",
            estimate=estimate(0.729, 0.06),
            english=0.86,
            seconds=1260,
            difference=Difference(value=-0.005, low=-0.04, high=0.031),
        ),
    )


def calibration(least: float | None = 0.62) -> CalibrationReport:
    shares = ((0.41, 0.38, 9), (0.52, 0.5, 14), (0.63, 0.7, 20), (0.74, 0.71, 24), (0.86, 0.88, 33), (0.96, 0.95, 40))
    points = ((0.0, 1.0, 0.74), (0.5, 0.93, 0.79), (0.62, 0.81, 0.91), (0.8, 0.55, 0.94), (0.9, 0.31, 0.98))
    return CalibrationReport(
        temperature=0.71,
        error=0.031,
        error_low=0.018,
        error_high=0.074,
        bins=tuple(Bin(probability=p, accuracy=a, rows=n) for p, a, n in shares),
        abstention=tuple(AbstentionPoint(threshold=t, coverage=c, precision=p) for t, c, p in points),
        precision=0.9,
        least_probability=least,
    )


def class_score(label: str, rows: int, english_rows: int, f1: float) -> ClassScore:
    half = min(0.4, 0.9 / math.sqrt(max(rows, 1)))
    return ClassScore(
        label=label,
        rows=rows,
        english_rows=english_rows,
        precision=min(1, f1 + 0.04),
        recall=max(0, f1 - 0.04),
        f1=f1,
        f1_low=max(0, f1 - half),
        f1_high=min(1, f1 + half),
    )


def held_out(source: str, text: str, label: str, predicted: str, nearest: Sequence[Neighbour] = ()) -> HeldOutRow:
    return HeldOutRow(
        source=source,
        text=text,
        label=label,
        predicted=predicted,
        probability=0.91,
        label_probability=0.06,
        nearest=tuple(nearest),
    )
