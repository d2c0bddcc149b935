"""Sections on the 2 x 2 designs of intermediate training and shots: overview, details, and interactions by language."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from markupsafe import Markup

from xstilts.analysis.contrasts import ArmMean, ContrastResult, Estimates, LanguageInteraction, mean_key
from xstilts.analysis.design import GIVEN_SHOTS, INTERACTION, TaskDesign, TwoByTwo
from xstilts.analysis.names import ABSENT, MISSING, language_name, plural, points, signed
from xstilts.analysis.stats import Estimate
from xstilts.report import figures, plots, tables
from xstilts.report.components import (
    Collapsible,
    Component,
    Entry,
    Figure,
    Head,
    LegendEntry,
    Panel,
    Row,
    Section,
    Sidebar,
    Table,
)
from xstilts.report.provenance import Provenance

_FOLD_FROM = 8
"""From this number of sentences on, they are collapsed."""
MEAN_LABEL = "mean"
"""The label of the mean over languages in plots."""


def effects_section(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Iterator[Section]:
    """The effects of intermediate training and shots over the headline languages."""
    if not design.two_by_twos:
        return
    name = design.task.name
    parts: list[Component] = [overview_table(design, estimates, provenance)]
    for two_by_two, means in zip(design.detailed, mean_tables(design, estimates, provenance), strict=True):
        results = estimates.contrasts_within(name, two_by_two.arms, design.languages_of(two_by_two))
        parts.append(means)
        if figure := figures.forest_figure(results, two_by_two):
            parts.append(figure)
        languages = plural(len(design.languages_of(two_by_two)), "language")
        caption = f"{two_by_two.intermediate}: differences in points, mean over {languages}."
        parts.append(tables.contrasts_table(results, provenance, caption))
    yield Section(
        anchor=f"effects-{name}",
        title="Effects of intermediate training and shots",
        lead=(
            "A 2 x 2 design: without and with intermediate training, zero-shot and with shots. A main effect is the "
            "mean "
            "of a factor's effects without and with the other factor; the interaction is the difference between these "
            "effects. Above zero, the two factors gain more together than the sum of their separate gains. Zero-shot "
            "and "
            "few-shot means are over the same languages.",
        ),
        parts=(*parts, sentences(estimates.contrasts_on(name, "effect"))),
    )


def languages_section(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Iterator[Section]:
    """The interactions by language; no section if none can be computed."""
    if figure := interactions_figure(design, estimates):
        name = design.task.name
        interactions = [local for (task, _, _), local in estimates.interactions.items() if task == name]
        yield Section(
            anchor=f"interactions-{name}",
            title="Interactions by language",
            lead=(_interaction_summary(interactions),),
            parts=(
                figure,
                Collapsible(
                    title="2 x 2 means of every language",
                    parts=tuple(
                        language_table(design, two_by_two, estimates, provenance) for two_by_two in design.two_by_twos
                    ),
                ),
            ),
        )


def sentences(results: Sequence[ContrastResult]) -> Sidebar | Collapsible:
    remarks = tuple(result.sentence for result in results)
    if len(results) < _FOLD_FROM:
        return Sidebar(title="In sentences", remarks=remarks)
    return Collapsible(title=f"In sentences ({len(results)})", parts=(Sidebar(title="", remarks=remarks),))


def overview_table(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Table:
    """One row per intermediate arm and k: the four means, the effect of the arm given the shots, and the
    interaction."""
    task = design.task.name
    first = (
        Head(text="", number=False),
        Head(text="means", span=4),
        Head(text="both minus shots only", span=2),
        Head(text="interaction", span=3),
    )
    second = ("neither", "shots only", "intermediate only", "both", "difference", "p (Holm)", "difference")
    partly = any(design.languages_of(two_by_two) != design.headline for two_by_two in design.two_by_twos)
    rows = []
    for two_by_two in design.two_by_twos:
        languages = design.languages_of(two_by_two)
        on_top, interaction = (
            _contrast_entries(
                estimates.contrast_of(task, two_by_two.terms(weights), languages), provenance.task_link(task)
            )
            for weights in (GIVEN_SHOTS, INTERACTION)
        )
        means = _means(design, two_by_two, mean_key(design, two_by_two), estimates, provenance)
        fewer = "" if languages == design.headline else plural(len(languages), "language")
        rows.append(
            _row(f"{two_by_two.intermediate}, {two_by_two.shots_name}", *means, *on_top[:2], *interaction, note=fewer)
        )
    return Table(
        caption=f"{task}: every intermediate arm and every k, in points, mean over "
        f"{plural(len(design.headline), 'language')}"
        + (", or those that a fixed few-shot set has." if partly else "."),
        heads=(
            first,
            (
                Head(text="intermediate, shots", number=False),
                *(Head(text=text) for text in (*second, "p (Holm)", "MDE")),
            ),
        ),
        rows=tuple(rows),
        notes=(f"Differences with 95% CIs over seeds, draws and groups of items. {tables.MDE_NOTE}",),
        stacked=True,
    )


def mean_tables(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Iterator[Table]:
    """The means of each 2 x 2 design that is reported in detail, with differences in the margins."""
    task = design.task.name
    heads = ("zero-shot", "{}", "difference")
    for two_by_two in design.detailed:
        means = [estimates.arm_mean(task, arm, mean_key(design, two_by_two)) for arm in two_by_two.arms]
        cells = [
            tables.arm_mean_entry(mean, provenance.link(task, arm))
            for mean, arm in zip(means, two_by_two.arms, strict=True)
        ]
        none, shots, alone, both = means
        rows = (
            _row(two_by_two.arms[0].intermediate, *cells[:2], _difference_entry(none, shots)),
            _row(two_by_two.intermediate, *cells[2:], _difference_entry(alone, both)),
            _row(
                "difference",
                _difference_entry(none, alone),
                _difference_entry(shots, both),
                _interaction_entry(means),
                kind="muted",
            ),
        )
        languages = plural(len(design.languages_of(two_by_two)), "language")
        yield Table(
            caption=f"{two_by_two.intermediate}: means over {languages} in points; the interaction is at the bottom "
            "right.",
            heads=((Head(text="", number=False), *(Head(text=text.format(two_by_two.shots_name)) for text in heads)),),
            rows=rows,
        )


def interactions_figure(design: TaskDesign, estimates: Estimates) -> Figure | None:
    """Interactions with their 95% CIs: one panel per intermediate arm, one mark per k."""
    series = list(dict.fromkeys(two_by_two.shots_name for two_by_two in design.two_by_twos))
    by_arm = {
        name: list(group) for name, group in groupby(design.two_by_twos, key=lambda two_by_two: two_by_two.intermediate)
    }
    panels = {
        name: [row for two_by_two in squares for row in _interaction_points(design, two_by_two, estimates)]
        for name, squares in by_arm.items()
    }
    panels = {name: rows for name, rows in panels.items() if rows}
    if not panels:
        return None
    drawn = plots.interactions(list(panels.values()), (MEAN_LABEL, *map(language_name, design.headline)), series)
    styles = [plots.style_of(position + 1) for position in range(len(series))]
    return Figure(
        caption="Interaction: the change in the gain from shots due to intermediate training, in points, with 95% CIs. "
        "Filled marks are significant after Holm correction.",
        panels=tuple(Panel(svg=Markup(svg), title=name) for svg, name in zip(drawn, panels, strict=True)),
        legend=tuple(
            LegendEntry(colour=colour, glyph=plots.GLYPHS[shape], text=name)
            for (colour, shape), name in zip(styles, series, strict=True)
        ),
    )


def language_table(design: TaskDesign, two_by_two: TwoByTwo, estimates: Estimates, provenance: Provenance) -> Table:
    """The four scores of each headline language and their interaction."""
    heads = ("neither", "shots only", "intermediate only", "both", "interaction", "p (Holm)", "MDE")
    rows = tuple(
        Row(
            entries=(
                tables.language_entry(language),
                *_means(design, two_by_two, language, estimates, provenance),
                *_language_entries(estimates.interactions.get((design.task.name, two_by_two, language))),
            )
        )
        for language in design.languages_of(two_by_two)
    )
    return Table(
        caption=f"{two_by_two.intermediate} and {two_by_two.shots_name} by language, in points.",
        heads=((Head(text="language", number=False), *(Head(text=text) for text in heads)),),
        rows=rows,
    )


def _row(name: str, *entries: Entry, kind: Literal["", "muted"] = "", note: str = "") -> Row:
    return Row(entries=(Entry(text=name, note=note, kind="head"), *entries), kind=kind)


def _means(
    design: TaskDesign, two_by_two: TwoByTwo, language: str, estimates: Estimates, provenance: Provenance
) -> Iterator[Entry]:
    task = design.task.name
    for arm in two_by_two.arms:
        yield tables.arm_mean_entry(estimates.arm_mean(task, arm, language), provenance.link(task, arm, language))


def _interaction_summary(interactions: Sequence[LanguageInteraction]) -> str:
    estimated = [local for local in interactions if local.estimate]
    significant = sum(local.significant for local in estimated)
    return (
        f"Of {plural(len(estimated), 'interaction')} in single languages, {significant or 'none'} "
        f"{'is' if significant == 1 else 'are'} significant after Holm correction (one family of all interactions in "
        "single "
        "languages on this page). A single language has only a fraction of the items: see its minimum detectable "
        "effect "
        "(MDE) in the tables."
    )


def _interaction_points(design: TaskDesign, two_by_two: TwoByTwo, estimates: Estimates) -> Iterator[figures.PlotRow]:
    task = design.task.name
    overall = estimates.contrast_of(task, two_by_two.terms(INTERACTION), design.languages_of(two_by_two))
    if overall and overall.estimate:
        whole = LanguageInteraction(estimate=overall.estimate, corrected_p=overall.corrected_p)
        yield _interaction_point(MEAN_LABEL, two_by_two, whole.significant, overall.estimate)
    for language in design.languages_of(two_by_two):
        local = estimates.interactions.get((task, two_by_two, language))
        if local and local.estimate:
            yield _interaction_point(language_name(language), two_by_two, local.significant, local.estimate)


def _interaction_point(name: str, two_by_two: TwoByTwo, significant: bool, estimate: Estimate) -> figures.PlotRow:
    interval = f"{signed(estimate.low)} to {signed(estimate.high)}"
    return {
        "name": name,
        "series": two_by_two.shots_name,
        "value": 100 * estimate.value,
        "low": 100 * estimate.low,
        "high": 100 * estimate.high,
        "significant": significant,
        "label": f"{name}, {two_by_two.intermediate}, {two_by_two.shots_name}: {signed(estimate.value)} ({interval})",
    }


def _contrast_entries(result: ContrastResult | None, href: str) -> tuple[Entry, Entry, Entry]:
    """Difference with its 95% CI, corrected p value, minimum detectable effect."""
    if result is None:
        return _missing_entries()
    primary = result.comparison.kind == "primary"
    p = "primary" if primary else None if result.corrected_p is None else tables.format_p(result.corrected_p)
    return _estimate_entries(result.estimate, p, href)


def _language_entries(local: LanguageInteraction | None) -> tuple[Entry, Entry, Entry]:
    if local is None:
        return _missing_entries()
    return _estimate_entries(
        local.estimate, None if local.corrected_p is None else tables.format_p(local.corrected_p), ""
    )


def _estimate_entries(estimate: Estimate | None, p: str | None, href: str) -> tuple[Entry, Entry, Entry]:
    if estimate is None:
        return _missing_entries()
    shares = (estimate.seed_share, estimate.draw_share, estimate.item_share)
    seeds, draws, items = (f"{share:.0%}" for share in shares)
    return (
        Entry(
            text=signed(estimate.value),
            note=f"{signed(estimate.low)} to {signed(estimate.high)}",
            href=href,
            tooltip=f"share of the variance: seeds {seeds}, draws {draws}, items {items}",
            kind="number",
        ),
        Entry(text=ABSENT if p is None else p, kind="number"),
        Entry(text=points(estimate.minimum_detectable_effect), kind="number"),
    )


def _missing_entries() -> tuple[Entry, Entry, Entry]:
    return (Entry(text=MISSING, kind="missing"), *[Entry(text=ABSENT, kind="absent")] * 2)  # type: ignore[return-value]


def _difference_entry(left: ArmMean | None, right: ArmMean | None) -> Entry:
    if left is None or right is None:
        return Entry(text=MISSING, kind="missing")
    return Entry(text=signed(right.value - left.value), kind="number")


def _interaction_entry(means: Sequence[ArmMean | None]) -> Entry:
    values = [mean.value for mean in means if mean is not None]
    if len(values) < len(means):
        return Entry(text=MISSING, kind="missing")
    value = sum(weight * mean for weight, mean in zip(INTERACTION, values, strict=True))
    return Entry(text=signed(value), kind="number")
