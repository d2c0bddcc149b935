"""Tables of scores and contrasts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from xstilts.analysis.contrasts import MEAN, ArmMean, ContrastResult, Estimates
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import ABSENT, MISSING, arm_name, language_name, metric_name, points, shots_name, signed
from xstilts.analysis.results import ZERO_SHOT, ArmName
from xstilts.analysis.stats import Estimate
from xstilts.plurals import plural
from xstilts.report.components import Collapsible, Entry, Head, Row, Sidebar, Table
from xstilts.report.provenance import Provenance

_ROLES = {
    "source": "source language, not in the mean",
    "development": "development language, not in the mean",
    "variant": "variant of a language that is already in the mean",
}
_COLLAPSE_FROM = 8
"""From this number of sentences on, they are collapsed."""

MDE_NOTE = (
    "MDE: minimum detectable effect, the true difference that this design detects with 80% power at the 5% level."
)


def scores_table(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Table:
    """Languages by arms: means over seeds and draws in points, with half the width of the 95% CI."""
    intermediates = (Head(text="", number=False), *_intermediate_heads(design))
    names = (shots_name(arm, design.task.problem) for arm in design.arms)
    shots = (Head(text="language", number=False), *(Head(text=name) for name in names))
    return Table(
        caption=f"{design.task.name}: {metric_name(design.task.metric)}, mean over seeds and draws \u00b1 half the "
        "width of the 95% CI.",
        heads=(shots,) if design.retrieval else (intermediates, shots),
        rows=_language_rows(design, estimates, provenance),
        notes=_score_notes(design),
    )


def encoders_table(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Table:
    """Retrieval: languages by encoder."""
    heads = tuple(Head(text=arm.intermediate, note=_encoder_note(arm, design)) for arm in design.arms)
    return Table(
        caption=f"{design.task.name}: {metric_name(design.task.metric)} by encoder, mean over seeds \u00b1 half the "
        "width of the 95% CI.",
        heads=((Head(text="language", number=False), *heads),),
        rows=_language_rows(design, estimates, provenance),
        notes=_score_notes(design),
    )


def contrasts_table(results: Sequence[ContrastResult], provenance: Provenance, caption: str) -> Table:
    """One contrast per row: difference, 95% CI, corrected p value, minimum detectable effect."""
    heads = ("difference", "95% CI", "p (Holm)", "MDE")
    return Table(
        caption=caption,
        heads=((Head(text="contrast", number=False), *(Head(text=text) for text in heads)),),
        rows=tuple(_contrast_row(result, provenance) for result in results),
        notes=(MDE_NOTE,),
    )


def controls_table(design: TaskDesign, results: Sequence[ContrastResult], provenance: Provenance) -> Table:
    """For each control, the difference of the compared arm to it."""
    names_by_description: dict[str, list[str]] = {}
    for control, _, description in design.controls:
        names_by_description.setdefault(description, []).append(arm_name(control))
    caption = f"{design.task.name}: each arm minus its control; above zero, the arm is better."
    table = contrasts_table(results, provenance, caption)
    notes = (f"{'; '.join(dict.fromkeys(names))}: {text}." for text, names in names_by_description.items())
    return replace(table, notes=(*notes, *table.notes))


def sentences(results: Sequence[ContrastResult]) -> Sidebar | Collapsible:
    """One sentence per contrast, collapsed if there are many."""
    remarks = tuple(result.sentence for result in results)
    if len(results) < _COLLAPSE_FROM:
        return Sidebar(title="In sentences", remarks=remarks)
    return Collapsible(title=f"In sentences ({len(results)})", parts=(Sidebar(title="", remarks=remarks),))


def language_entry(language: str, note: str = "") -> Entry:
    if language == MEAN:
        return Entry(text="mean", kind="head")
    return Entry(text=language_name(language), note=language, kind="head", tooltip=note)


def arm_mean_entry(mean: ArmMean | None, href: str, absent: bool = False) -> Entry:
    """A mean with half the width of its interval; missing and absent values are named, never shown as zero."""
    if absent:
        return Entry(text=ABSENT, kind="absent", tooltip="not in the recipe")
    if mean is None:
        return Entry(text=MISSING, kind="missing", href=href)
    if mean.interval is None:
        return Entry(text=points(mean.value), href=href, tooltip="too few groups for a CI", kind="number")
    half, interval = (mean.high - mean.low) / 2, f"95% CI {points(mean.low)} to {points(mean.high)}"
    return Entry(text=points(mean.value), note=f"\u00b1{points(half)}", href=href, tooltip=interval, kind="number")


def estimate_entries(estimate: Estimate | None, p: str, href: str = "") -> tuple[Entry, Entry, Entry]:
    """Difference with its 95% CI, p value, minimum detectable effect."""
    if estimate is None:
        absent = Entry(text=ABSENT, kind="absent")
        return Entry(text=MISSING, kind="missing"), absent, absent
    seeds, draws, items = (f"{share:.0%}" for share in (estimate.seed_share, estimate.draw_share, estimate.item_share))
    return (
        Entry(
            text=signed(estimate.value),
            note=f"{signed(estimate.low)} to {signed(estimate.high)}",
            href=href,
            tooltip=f"share of the variance: seeds {seeds}, draws {draws}, items {items}",
            kind="number",
        ),
        Entry(text=p, kind="number"),
        Entry(text=points(estimate.minimum_detectable_effect), kind="number"),
    )


def format_p(p: float | None) -> str:
    if p is None:
        return ABSENT
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _intermediate_heads(design: TaskDesign) -> Iterator[Head]:
    for intermediate, group in groupby(design.arms, key=lambda arm: arm.intermediate):
        note = "control" if intermediate in design.control_arms else ""
        yield Head(text=intermediate, note=note, span=len(tuple(group)))


def _encoder_note(arm: ArmName, design: TaskDesign) -> str:
    if arm.method != ZERO_SHOT:
        return arm.method
    return "pretrained" if arm == design.baseline else "after training"


def language_order(design: TaskDesign) -> tuple[str, ...]:
    """Source language, headline languages, other languages, development languages."""
    rank = dict.fromkeys(design.headline, 1) | dict.fromkeys(design.development_languages, 3)
    rank[design.source] = 0
    return tuple(sorted(design.languages, key=lambda language: rank.get(language, 2)))


def _language_rows(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> tuple[Row, ...]:
    """The mean, then every language."""
    languages = (MEAN, *language_order(design))
    return tuple(_language_row(design, language, estimates, provenance) for language in languages)


def _language_row(design: TaskDesign, language: str, estimates: Estimates, provenance: Provenance) -> Row:
    task = design.task.name
    entries = tuple(
        arm_mean_entry(
            estimates.arm_mean(task, arm, language),
            provenance.link(task, arm, language),
            estimates.not_in_recipe(task, arm, language),
        )
        for arm in design.arms
    )
    role = _role(design, language)
    kind = "mean" if language == MEAN else "muted" if role else ""
    label = language_entry(language, _ROLES.get(role, ""))
    if role:
        label = Entry(text=label.text, note=f"{language}, {role}", kind="head", tooltip=label.tooltip)
    return Row(entries=(label, *entries), kind=kind)


def _role(design: TaskDesign, language: str) -> str:
    """Why a language is not in the mean; empty if it is in the mean or lacks arms."""
    if language == design.source:
        return "source"
    if language in design.development_languages:
        return "development"
    return "variant" if language in design.variants else ""


def _score_notes(design: TaskDesign) -> tuple[str, ...]:
    notes = [f"The mean is over the {plural(len(design.headline), 'language')} that every arm has."]
    if design.source in design.languages:
        notes.append(f"It excludes the source language, {language_name(design.source)}.")
    if tuned := [language_name(x) for x in design.languages if x in design.development_languages]:
        notes.append(f"It excludes the development languages, on which hyperparameters were tuned: {', '.join(tuned)}.")
    if variants := [language_name(x) for x in design.languages if x in design.variants]:
        notes.append(f"Each language counts once, so it excludes variants: {', '.join(variants)}.")
    return (" ".join(notes),)


def _contrast_row(result: ContrastResult, provenance: Provenance) -> Row:
    comparison = result.comparison
    title = Entry(text=comparison.title, kind="head", note="primary" if comparison.kind == "primary" else "")
    estimate = result.estimate
    if estimate is None:
        return Row(entries=(title, Entry(text=MISSING, kind="missing"), *[Entry(text=ABSENT, kind="absent")] * 3))
    href = provenance.task_link(comparison.task)
    texts = (
        f"{signed(estimate.low)} to {signed(estimate.high)}",
        format_p(result.corrected_p),
        points(estimate.minimum_detectable_effect),
    )
    value = Entry(text=signed(estimate.value), kind="number", href=href)
    kind = "primary" if comparison.kind == "primary" else ""
    return Row(entries=(title, value, *(Entry(text=text, kind="number") for text in texts)), kind=kind)
