"""The section on the interactions of intermediate training and shots in single languages."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from xstilts.analysis.comparisons import INTERACTION
from xstilts.analysis.contrasts import Estimates, LanguageInteraction
from xstilts.analysis.design import TaskDesign, TwoByTwo
from xstilts.analysis.names import language_name, signed
from xstilts.analysis.stats import Estimate
from xstilts.plurals import plural
from xstilts.report import plots, tables
from xstilts.report.components import Collapsible, Figure, Head, Panel, Row, Section, Table
from xstilts.report.figures import PlotRow, legend
from xstilts.report.provenance import Provenance
from xstilts.report.two_by_two import mean_entries

MEAN_LABEL = "mean"
"""The label of the mean over languages in plots."""


def interactions_section(design: TaskDesign, estimates: Estimates, provenance: Provenance) -> Iterator[Section]:
    """The interactions by language; no section if none can be computed."""
    if figure := interactions_figure(design, estimates):
        name = design.task.name
        interactions = [result for (task, _, _), result in estimates.interactions.items() if task == name]
        language_tables = tuple(
            language_table(design, two_by_two, estimates, provenance) for two_by_two in design.two_by_twos
        )
        yield Section(
            anchor=f"interactions-{name}",
            title="Interactions by language",
            lead=(_summary(interactions),),
            parts=(figure, Collapsible(title="2 x 2 means of every language", parts=language_tables)),
        )


def interactions_figure(design: TaskDesign, estimates: Estimates) -> Figure | None:
    """Interactions with their 95% CIs: one panel per intermediate arm, one mark per k."""
    series = list(dict.fromkeys(two_by_two.shots_name for two_by_two in design.two_by_twos))
    panels: dict[str, list[PlotRow]] = {}
    for two_by_two in design.two_by_twos:
        if rows := list(_plot_rows(design, two_by_two, estimates)):
            panels.setdefault(two_by_two.intermediate, []).extend(rows)
    if not panels:
        return None
    svgs = plots.interactions(list(panels.values()), (MEAN_LABEL, *map(language_name, design.headline)), series)
    return Figure(
        caption="Interaction: the change in the gain from shots due to intermediate training, in points, with 95% CIs. "
        "Filled marks are significant after Holm correction.",
        panels=tuple(Panel(svg=Markup(svg), title=name) for svg, name in zip(svgs, panels, strict=True)),
        legend=legend(series, first=1),
    )


def language_table(design: TaskDesign, two_by_two: TwoByTwo, estimates: Estimates, provenance: Provenance) -> Table:
    """The four scores of each headline language and their interaction."""
    heads = ("neither", "shots only", "intermediate only", "both", "interaction", "p (Holm)", "MDE")
    rows = []
    for language in design.languages_of(two_by_two):
        interaction = estimates.interactions.get((design.task.name, two_by_two, language))
        rows.append(
            Row(
                entries=(
                    tables.language_entry(language),
                    *mean_entries(design, two_by_two, language, estimates, provenance),
                    *tables.estimate_entries(
                        interaction.estimate if interaction else None,
                        tables.format_p(interaction.corrected_p if interaction else None),
                    ),
                )
            )
        )
    return Table(
        caption=f"{two_by_two.intermediate} and {two_by_two.shots_name} by language, in points.",
        heads=((Head(text="language", number=False), *(Head(text=text) for text in heads)),),
        rows=tuple(rows),
    )


def _summary(interactions: Sequence[LanguageInteraction]) -> str:
    estimated = sum(interaction.estimate is not None for interaction in interactions)
    significant = sum(interaction.significant for interaction in interactions)
    return (
        f"Of {plural(estimated, 'interaction')} in single languages, {significant or 'none'} "
        f"{'is' if significant == 1 else 'are'} significant after Holm correction (one family of all interactions in "
        "single languages on this page). A single language has only a fraction of the items: see its minimum "
        "detectable effect (MDE) in the tables."
    )


def _plot_rows(design: TaskDesign, two_by_two: TwoByTwo, estimates: Estimates) -> Iterator[PlotRow]:
    """The interaction in the mean over languages and in each language."""
    task, languages = design.task.name, design.languages_of(two_by_two)
    mean = estimates.contrast_of(task, two_by_two.terms(INTERACTION), languages)
    if mean and mean.estimate:
        yield _plot_row(MEAN_LABEL, two_by_two, mean.significant, mean.estimate)
    for language in languages:
        interaction = estimates.interactions.get((task, two_by_two, language))
        if interaction and interaction.estimate:
            yield _plot_row(language_name(language), two_by_two, interaction.significant, interaction.estimate)


def _plot_row(name: str, two_by_two: TwoByTwo, significant: bool, estimate: Estimate) -> PlotRow:
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
