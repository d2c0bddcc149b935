"""The summary of a fit for the terminal. Does not import torch."""

from collections.abc import Iterator

from xstilts.fitting.report import FitReport
from xstilts.fitting.wording import (
    abstention_point,
    capitalised,
    excerpt,
    headline,
    labelled_rows,
    percent,
    reaches_trivial,
    score_range,
    selected_arm,
    trivial_arm,
    weakest_classes,
)
from xstilts.plurals import plural

_WEAKEST = 3
_STEPS = 3
_LABEL, _SENTENCE = 40, 300
"""Characters of a label and of a sentence that are shown."""


def summary_lines(report: FitReport) -> list[str]:
    """At most 12 lines of plain text: the score to expect, the baseline, the weakest classes, what to do next."""
    sentences = [excerpt(line, _SENTENCE) for line in (*_scores(report), *_weaknesses(report))]
    return [*sentences, *_steps(report)]


def _scores(report: FitReport) -> Iterator[str]:
    yield f"{headline(report)}."
    if report.estimate is None:
        if report.no_estimate:
            yield report.no_estimate
    else:
        low, high = (f"{100 * value:.0f}" for value in (report.estimate.next_low, report.estimate.next_high))
        yield (
            f"In brackets: the 95% interval. On {plural(labelled_rows(report), 'new row')}, a test would measure "
            f"between {low} and {high}."
        )
        if report.test is not None:
            yield f"On your test file: {score_range(report.test)}."
    if (arm := selected_arm(report)) is not None:
        yield f"Best arm: {arm.name} ({arm.description})."
    if report.trivial is not None:
        arm = trivial_arm(report)
        name = f"Trivial baseline ({arm.description})" if arm else "Trivial baseline"
        verdict = ". The model may be no better: label more rows" if reaches_trivial(report) else ""
        yield f"{name}: {score_range(report.trivial)}{verdict}."


def _weaknesses(report: FitReport) -> Iterator[str]:
    if weakest := weakest_classes(report)[:_WEAKEST]:
        scores = (f"{excerpt(s.label, _LABEL)} {100 * s.f1:.0f} ({plural(s.rows, 'row')})" for s in weakest)
        yield f"Lowest F1 by class: {', '.join(scores)}."
    if report.calibration is not None:
        yield _abstention(report)
    if report.warnings:
        yield f"{plural(len(report.warnings), 'warning')}: {report.warnings[0]}"
    if report.suspicious:
        yield f"{plural(len(report.suspicious), 'label')} to check by hand, in report.html."


def _abstention(report: FitReport) -> str:
    assert report.calibration is not None
    least, wanted = report.calibration.least_probability, percent(report.calibration.precision)
    if least is None:
        return f"Abstention: no threshold reaches {wanted} right predictions, so the model always predicts."
    line = f"Abstention below probability {percent(least)}, for {wanted} right predictions"
    if (point := abstention_point(report)) is None:
        return f"{line}."
    return f"{line}: it predicts {percent(point.coverage)} of the texts, {percent(point.precision)} of them right."


def _steps(report: FitReport) -> Iterator[str]:
    for step in report.next_steps[:_STEPS]:
        text = capitalised(excerpt(step.text, _SENTENCE))
        command = excerpt(step.command, len(step.command))
        yield f"Next: {text.rstrip('.:')}: {command}" if command else f"Next: {text}"
