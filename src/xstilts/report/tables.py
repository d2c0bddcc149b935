"""The tables of the page, from the evidence."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from xstilts.analysis.contrasts import MEAN, Evidence, Finding, Level
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import (
    ABSENT,
    MISSING,
    arm_name,
    count,
    language_name,
    metric_name,
    points,
    shots_name,
    signed,
)
from xstilts.analysis.results import ZERO_SHOT, ArmName
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance

_APART = {
    "source": "source language, not in the mean",
    "development": "development language, not in the mean",
    "variant": "variant of a language that the mean holds already",
}


def scores_table(design: TaskDesign, evidence: Evidence, provenance: Provenance) -> Table:
    """Languages by arms: means over seeds and draws in points, with half the 95% interval."""
    arms = design.arms
    first = (Head(text="", number=False), *_groups(design))
    second = (Head(text="language", number=False), *(Head(text=shots_name(arm)) for arm in arms))
    order = (MEAN, *ordered(design))
    rows = tuple(_language_row(design, language, arms, evidence, provenance) for language in order)
    return Table(
        caption=f"{design.task.name}: {metric_name(design.task.metric)}, mean over seeds and draws \u00b1 half of its "
        "95% interval.",
        heads=(second,) if design.retrieval else (first, second),
        rows=rows,
        notes=_score_notes(design),
    )


def encoders_table(design: TaskDesign, evidence: Evidence, provenance: Provenance) -> Table:
    """Retrieval: languages by encoder."""
    heads = tuple(Head(text=arm.intermediate, note=_after(arm, design)) for arm in design.arms)
    rows = tuple(
        _language_row(design, language, design.arms, evidence, provenance) for language in (MEAN, *ordered(design))
    )
    return Table(
        caption=f"{design.task.name}: {metric_name(design.task.metric)} by encoder, mean over seeds \u00b1 half of its "
        "95% interval.",
        heads=((Head(text="language", number=False), *heads),),
        rows=rows,
        notes=_score_notes(design),
    )


def findings_table(findings: Sequence[Finding], provenance: Provenance, caption: str) -> Table:
    """One contrast a row: difference, interval, corrected p, what could have been detected."""
    heads = ("difference", "95% interval", "p (Holm)", "detectable")
    return Table(
        caption=caption,
        heads=((Head(text="contrast", number=False), *(Head(text=text) for text in heads)),),
        rows=tuple(_finding_row(finding, provenance) for finding in findings),
    )


def controls_table(design: TaskDesign, findings: Sequence[Finding], provenance: Provenance) -> Table:
    """Each control as the difference of its arm to it."""
    what: dict[str, list[str]] = {}
    for control, _, text in design.controls:
        what.setdefault(text, []).append(arm_name(control))
    table = findings_table(
        findings, provenance, f"{design.task.name}: each arm minus its control. Above zero, the arm does better."
    )
    notes = tuple(f"{'; '.join(dict.fromkeys(names))}: {text}." for text, names in what.items())
    return Table(caption=table.caption, heads=table.heads, rows=table.rows, notes=notes)


def language_entry(language: str, note: str = "") -> Entry:
    if language == MEAN:
        return Entry(text="mean", kind="head")
    return Entry(text=language_name(language), note=language, kind="head", hint=note)


def level_entry(level: Level | None, href: str, absent: bool = False) -> Entry:
    """A mean with half its interval; missing and absent are said, never shown as zero."""
    if absent:
        return Entry(text=ABSENT, kind="absent", hint="not in the recipe")
    if level is None:
        return Entry(text=MISSING, kind="missing", href=href)
    if level.interval is None:
        return Entry(text=points(level.value), href=href, hint="too few groups for an interval", kind="number")
    half, hint = (level.high - level.low) / 2, f"95% interval {points(level.low)} to {points(level.high)}"
    return Entry(text=points(level.value), note=f"\u00b1{points(half)}", href=href, hint=hint, kind="number")


def _groups(design: TaskDesign) -> Iterator[Head]:
    for intermediate, group in groupby(design.arms, key=lambda arm: arm.intermediate):
        yield Head(text=intermediate, note="control" if intermediate in design.apart else "", span=len(tuple(group)))


def _after(arm: ArmName, design: TaskDesign) -> str:
    if arm.method != ZERO_SHOT:
        return arm.method
    return "as published" if arm == design.baseline else "after it"


def ordered(design: TaskDesign) -> tuple[str, ...]:
    """Source language, headline languages, other languages, development languages."""
    rank = dict.fromkeys(design.headline, 1) | dict.fromkeys(design.development, 3)
    rank[design.source] = 0
    return tuple(sorted(design.languages, key=lambda language: rank.get(language, 2)))


def _language_row(
    design: TaskDesign, language: str, arms: Sequence[ArmName], evidence: Evidence, provenance: Provenance
) -> Row:
    task = design.task.name
    entries = tuple(
        level_entry(
            evidence.level(task, arm, language),
            provenance.link(task, arm, language),
            evidence.absent(task, arm, language),
        )
        for arm in arms
    )
    role = _role(design, language)
    kind = "mean" if language == MEAN else "apart" if role else ""
    label = language_entry(language, _APART.get(role, ""))
    if role:
        label = Entry(text=label.text, note=f"{language}, {role}", kind="head", hint=label.hint)
    return Row(entries=(label, *entries), kind=kind)


def _role(design: TaskDesign, language: str) -> str:
    """Why a language stands apart, if it does."""
    if language == design.source:
        return "source"
    if language in design.development:
        return "development"
    return "variant" if language in design.variants else ""


def _score_notes(design: TaskDesign) -> tuple[str, ...]:
    notes = [f"The mean is over {count(len(design.headline), 'language')}: those that every arm has."]
    if design.source in design.languages:
        notes.append(f"{language_name(design.source)} is the source language and stands apart.")
    if tuned := [language_name(x) for x in design.languages if x in design.development]:
        notes.append(f"Settings were tuned on {', '.join(tuned)}: not in any mean.")
    if variants := [language_name(x) for x in design.languages if x in design.variants]:
        notes.append(f"Each language counts once: {', '.join(variants)} not in the mean.")
    return (" ".join(notes),)


def _finding_row(finding: Finding, provenance: Provenance) -> Row:
    comparison = finding.comparison
    title = Entry(text=comparison.title, kind="head", note="primary" if comparison.kind == "primary" else "")
    estimate = finding.estimate
    if estimate is None:
        return Row(entries=(title, Entry(text=MISSING, kind="missing"), *[Entry(text=ABSENT, kind="absent")] * 3))
    href = provenance.task_link(comparison.task)
    texts = (
        f"{signed(estimate.low)} to {signed(estimate.high)}",
        ABSENT if finding.corrected is None else p_name(finding.corrected),
        points(estimate.smallest_detectable),
    )
    value = Entry(text=signed(estimate.value), kind="number", href=href)
    kind = "primary" if comparison.kind == "primary" else ""
    return Row(entries=(title, value, *(Entry(text=text, kind="number") for text in texts)), kind=kind)


def p_name(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
