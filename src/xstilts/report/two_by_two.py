"""The section on the effects of intermediate training and shots: 2 x 2 designs in an overview and in detail."""

from collections.abc import Iterator, Sequence
from typing import Literal

from xstilts.analysis.comparisons import GIVEN_SHOTS, INTERACTION
from xstilts.analysis.contrasts import ArmMean, ContrastResult, Estimates, mean_key
from xstilts.analysis.design import TaskDesign, TwoByTwo
from xstilts.analysis.names import MISSING, signed
from xstilts.plurals import plural
from xstilts.report import figures, tables
from xstilts.report.components import Component, Entry, Head, Row, Section, Table
from xstilts.report.provenance import Provenance


def effects_section(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Iterator[Section]:
    """The effects of intermediate training and shots over the headline languages."""
    if not design.two_by_twos:
        return
    name = design.task.name
    parts: list[Component] = [overview_table(design, estimates, provenance)]
    for two_by_two in design.detailed:
        languages = design.languages_of(two_by_two)
        results = estimates.contrasts_within(name, two_by_two.arms, languages)
        parts.append(means_table(design, two_by_two, estimates, provenance))
        if figure := figures.forest_figure(results, two_by_two):
            parts.append(figure)
        caption = f"{two_by_two.intermediate}: differences in points, mean over {plural(len(languages), 'language')}."
        parts.append(tables.contrasts_table(results, provenance, caption))
    yield Section(
        anchor=f"effects-{name}",
        title="Effects of intermediate training and shots",
        lead=(
            "A 2 x 2 design: without and with intermediate training, zero-shot and with shots. A main effect is the "
            "mean of a factor's effects without and with the other factor; the interaction is the difference between "
            "these effects. Above zero, the two factors gain more together than the sum of their separate gains. "
            "Zero-shot and few-shot means are over the same languages.",
        ),
        parts=(*parts, tables.sentences(estimates.contrasts_on(name, "effect"))),
    )


def overview_table(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Table:
    """One row per intermediate arm and k: the four means, the effect of the arm given the shots, and the
    interaction."""
    task = design.task.name
    groups = (
        Head(text="", number=False),
        Head(text="means", span=4),
        Head(text="both minus shots only", span=2),
        Head(text="interaction", span=3),
    )
    columns = ("neither", "shots only", "intermediate only", "both", *("difference", "p (Holm)") * 2, "MDE")
    fewer_somewhere = any(design.languages_of(two_by_two) != design.headline for two_by_two in design.two_by_twos)
    return Table(
        caption=f"{task}: every intermediate arm and every k, in points, mean over "
        f"{plural(len(design.headline), 'language')}"
        + (", or those that a fixed few-shot set has." if fewer_somewhere else "."),
        heads=(groups, (Head(text="intermediate, shots", number=False), *(Head(text=text) for text in columns))),
        rows=tuple(_overview_row(design, two_by_two, estimates, provenance) for two_by_two in design.two_by_twos),
        notes=(f"Differences with 95% CIs over seeds, draws and groups of items. {tables.MDE_NOTE}",),
        stacked=True,
    )


def _overview_row(design: TaskDesign, two_by_two: TwoByTwo, estimates: Estimates, provenance: Provenance) -> Row:
    task, languages = design.task.name, design.languages_of(two_by_two)
    given_shots, interaction = (
        _contrast_entries(estimates.contrast_of(task, two_by_two.terms(weights), languages), provenance.task_link(task))
        for weights in (GIVEN_SHOTS, INTERACTION)
    )
    means = mean_entries(design, two_by_two, mean_key(design, two_by_two), estimates, provenance)
    name = f"{two_by_two.intermediate}, {two_by_two.shots_name}"
    note = "" if languages == design.headline else plural(len(languages), "language")
    return Row(entries=(Entry(text=name, note=note, kind="head"), *means, *given_shots[:2], *interaction))


def mean_entries(
    design: TaskDesign, two_by_two: TwoByTwo, language: str, estimates: Estimates, provenance: Provenance
) -> Iterator[Entry]:
    """The means of the four arms in one language."""
    task = design.task.name
    for arm in two_by_two.arms:
        yield tables.arm_mean_entry(estimates.arm_mean(task, arm, language), provenance.link(task, arm, language))


def means_table(design: TaskDesign, two_by_two: TwoByTwo, estimates: Estimates, provenance: Provenance) -> Table:
    """The four means, with differences in the margins and the interaction in the corner."""
    task = design.task.name
    means = [estimates.arm_mean(task, arm, mean_key(design, two_by_two)) for arm in two_by_two.arms]
    entries = [
        tables.arm_mean_entry(mean, provenance.link(task, arm))
        for mean, arm in zip(means, two_by_two.arms, strict=True)
    ]
    neither, shots, intermediate, both = means
    languages = plural(len(design.languages_of(two_by_two)), "language")
    heads = ("zero-shot", two_by_two.shots_name, "difference")
    return Table(
        caption=f"{two_by_two.intermediate}: means over {languages} in points; the interaction is at the bottom right.",
        heads=((Head(text="", number=False), *(Head(text=text) for text in heads)),),
        rows=(
            _row(two_by_two.arms[0].intermediate, *entries[:2], _difference_entry(neither, shots)),
            _row(two_by_two.intermediate, *entries[2:], _difference_entry(intermediate, both)),
            _row(
                "difference",
                _difference_entry(neither, intermediate),
                _difference_entry(shots, both),
                _interaction_entry(means),
                kind="muted",
            ),
        ),
    )


def _row(name: str, *entries: Entry, kind: Literal["", "muted"] = "") -> Row:
    return Row(entries=(Entry(text=name, kind="head"), *entries), kind=kind)


def _contrast_entries(result: ContrastResult | None, href: str) -> tuple[Entry, Entry, Entry]:
    if result is None:
        return tables.estimate_entries(None, "")
    p = "primary" if result.comparison.kind == "primary" else tables.format_p(result.corrected_p)
    return tables.estimate_entries(result.estimate, p, href)


def _difference_entry(baseline: ArmMean | None, treatment: ArmMean | None) -> Entry:
    if baseline is None or treatment is None:
        return Entry(text=MISSING, kind="missing")
    return Entry(text=signed(treatment.value - baseline.value), kind="number")


def _interaction_entry(means: Sequence[ArmMean | None]) -> Entry:
    values = [mean.value for mean in means if mean is not None]
    if len(values) < len(means):
        return Entry(text=MISSING, kind="missing")
    return Entry(text=signed(sum(w * value for w, value in zip(INTERACTION, values, strict=True))), kind="number")
