"""Sentences and numbers that the report page, the model card and the terminal share. Does not import torch."""

import re

from xstilts.fitting.report import AbstentionPoint, Arm, ClassScore, Estimate, FitReport

_NARROW = 0.02
"""Intervals below this width are shown with one decimal."""
_MEANINGS = {
    "macro_f1": "Macro F1 counts a rare class as much as a frequent one.",
    "micro_f1": "Micro F1 counts every label of every text the same.",
    "accuracy": "Accuracy is the share of texts with the right label.",
}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters other than the end of a line."""
ROLES = {"english": "training rows", "shots": "labelled rows", "test": "test rows", "unlabelled": "unlabelled texts"}
"""What the rows of each role are called."""


def headline(report: FitReport) -> str:
    """What score to expect, with its interval, in one sentence."""
    if report.estimate is not None:
        return f"Expect {report.metric_name} {score_range(report.estimate)} on new {texts_name(report)} like yours"
    if report.test is not None:
        score = f"{capitalised(report.metric_name)} {score_range(report.test)}"
        return f"{score} on the {texts_name(report)} of your test file"
    return f"No score can be given for new {texts_name(report)}"


def texts_name(report: FitReport) -> str:
    """What the model reads, such as "Swahili texts"."""
    return f"{report.language_name} {'text pairs' if report.problem == 'pairs' else 'texts'}"


def metric_meaning(report: FitReport) -> str:
    """What the metric measures, in one sentence; empty for a metric that has none here."""
    if report.metric == "accuracy" and report.problem == "multi-label":
        return "Accuracy is the share of texts with exactly the right labels."
    return _MEANINGS.get(report.metric, "")


def score_range(estimate: Estimate) -> str:
    """Points out of 100 with the interval: "72 (66 to 78)"."""
    places = 1 if estimate.high - estimate.low < _NARROW else 0
    score, low, high = (f"{100 * value:.{places}f}" for value in (estimate.score, estimate.low, estimate.high))
    return f"{score} ({low} to {high})"


def percent(share: float) -> str:
    """A share or probability from 0 to 1: "81%". Only 0 and 1 themselves are shown as 0% and 100%."""
    whole = round(100 * share)
    return f"{100 * share:.1f}%" if whole in (0, 100) and share not in (0, 1) else f"{whole}%"


def selected_arm(report: FitReport) -> Arm | None:
    return next((arm for arm in report.arms if arm.selected), None)


def trivial_arm(report: FitReport) -> Arm | None:
    return next((arm for arm in report.arms if arm.kind == "trivial"), None)


def reaches_trivial(report: FitReport) -> bool:
    """Whether the interval of the estimate includes the score of the trivial baseline, or lies below it."""
    return None not in (report.estimate, report.trivial) and report.estimate.low <= report.trivial.score  # type: ignore[union-attr]


def weakest_classes(report: FitReport) -> list[ClassScore]:
    """All classes, lowest F1 first."""
    return sorted(report.classes, key=lambda score: score.f1)


def labelled_rows(report: FitReport) -> int:
    """Labelled rows of the language, without the test file."""
    return sum(counts.rows for counts in report.data if counts.role == "shots")


def abstention_point(report: FitReport) -> AbstentionPoint | None:
    """The point of the abstention table at the threshold that the model uses."""
    calibration = report.calibration
    if calibration is None or calibration.least_probability is None:
        return None
    least = calibration.least_probability
    return next((point for point in calibration.abstention if abs(point.threshold - least) < 1e-6), None)


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def excerpt(text: str, most: int) -> str:
    """The text on one line and without control characters, cut after `most` characters."""
    line = " ".join(CONTROL.sub(" ", text).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}\u2026"
