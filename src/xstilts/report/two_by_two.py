"""The 2 x 2 of intermediate training and shots: every arm and every k at a glance, each at length, by language."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from markupsafe import Markup

from xstilts.analysis.contrasts import Evidence, Finding, LanguageEstimate, Level, mean_over
from xstilts.analysis.design import INTERACTION, ON_TOP, Square, TaskDesign
from xstilts.analysis.names import ABSENT, MISSING, count, language_name, points, signed
from xstilts.analysis.stats import Estimate
from xstilts.report import figures, plots, tables
from xstilts.report.components import Collapsible, Entry, Figure, Head, Key, Panel, Part, Row, Section, Sidebar, Table
from xstilts.report.provenance import Provenance

_MANY = 8
"""Sentences that are folded."""
OVERALL = "mean"
"""Stands for the mean over languages in a plot."""


def effects_section(design: TaskDesign, evidence: Evidence, provenance: Provenance) -> Iterator[Section]:
    """What each step did, over the headline languages."""
    if not design.ladder:
        return
    name = design.task.name
    parts: list[Part] = [ladder_table(design, evidence, provenance)]
    for square, means in zip(design.squares, square_tables(design, evidence, provenance), strict=True):
        found = evidence.within(name, square.corners, design.languages_of(square))
        parts.append(means)
        if figure := figures.forest_figure(found, square):
            parts.append(figure)
        languages = count(len(design.languages_of(square)), "language")
        caption = f"{square.intermediate}: differences in points, over {languages}."
        parts.append(tables.findings_table(found, provenance, caption))
    yield Section(
        anchor=f"effects-{name}",
        title="What each step did",
        lead=(
            "Intermediate training and shots, each without and with the other. A main effect is the mean of a step's "
            "effect without and with the other step; the interaction is how much the two differ: above zero, they add "
            "more together than apart. Zero-shot and few-shot means are over the same languages.",
        ),
        parts=(*parts, in_sentences(evidence.about(name, "effect"))),
    )


def languages_section(design: TaskDesign, evidence: Evidence, provenance: Provenance) -> Iterator[Section]:
    """The interactions language by language; none where nothing of it can be computed."""
    if figure := interactions_figure(design, evidence):
        name = design.task.name
        found = [local for (task, _, _), local in evidence.interactions.items() if task == name]
        yield Section(
            anchor=f"interactions-{name}",
            title="Interactions by language",
            lead=(_told(found),),
            parts=(
                figure,
                Collapsible(
                    title="The 2 x 2 of every language",
                    parts=tuple(local_table(design, square, evidence, provenance) for square in design.ladder),
                ),
            ),
        )


def in_sentences(findings: Sequence[Finding]) -> Sidebar | Collapsible:
    aside = Sidebar(title="In sentences", remarks=tuple(finding.sentence for finding in findings))
    if len(findings) < _MANY:
        return aside
    return Collapsible(title=f"In sentences ({len(findings)})", parts=(Sidebar(title="", remarks=aside.remarks),))


def ladder_table(design: TaskDesign, evidence: Evidence, provenance: Provenance) -> Table:
    """One row for each intermediate arm and k: the four means, what the arm adds to the shots, the interaction."""
    task = design.task.name
    first = (
        Head(text="", number=False),
        Head(text="means", span=4),
        Head(text="both minus shots alone", span=2),
        Head(text="interaction", span=3),
    )
    second = ("neither", "shots alone", "intermediate alone", "both", "difference", "p (Holm)", "difference")
    partly = any(design.languages_of(square) != design.headline for square in design.ladder)
    rows = []
    for square in design.ladder:
        languages = design.languages_of(square)
        on_top, interaction = (
            _of_finding(evidence.of(task, square.terms(weights), languages), provenance.task_link(task))
            for weights in (ON_TOP, INTERACTION)
        )
        means = _means(design, square, mean_over(design, square), evidence, provenance)
        fewer = "" if languages == design.headline else count(len(languages), "language")
        rows.append(_row(f"{square.intermediate}, {square.adapted}", *means, *on_top[:2], *interaction, note=fewer))
    return Table(
        caption=f"{task}: every intermediate arm and every k, without and with each other, over "
        f"{count(len(design.headline), 'language')}" + (", or as many as a published set has." if partly else "."),
        heads=(
            first,
            (
                Head(text="intermediate, shots", number=False),
                *(Head(text=text) for text in (*second, "p (Holm)", "detectable")),
            ),
        ),
        rows=tuple(rows),
        notes=(
            "In points, with 95% intervals over seeds, draws and groups of items. Detectable: the smallest interaction "
            "that this design would have found in four of five repetitions.",
        ),
        stacked=True,
    )


def square_tables(design: TaskDesign, evidence: Evidence, provenance: Provenance) -> Iterator[Table]:
    """The means of each 2 x 2 that is told at length, with its margins' differences."""
    task = design.task.name
    heads = ("zero-shot", "{}", "difference")
    for square in design.squares:
        levels = [evidence.level(task, arm, mean_over(design, square)) for arm in square.corners]
        cells = [
            tables.level_entry(level, provenance.link(task, arm))
            for level, arm in zip(levels, square.corners, strict=True)
        ]
        none, shots, alone, both = levels
        rows = (
            _row(square.corners[0].intermediate, *cells[:2], _signed(none, shots)),
            _row(square.intermediate, *cells[2:], _signed(alone, both)),
            _row("difference", _signed(none, alone), _signed(shots, both), _interaction(levels), kind="apart"),
        )
        languages = count(len(design.languages_of(square)), "language")
        yield Table(
            caption=f"{square.intermediate}: means over {languages}, in points. Bottom right: the interaction.",
            heads=((Head(text="", number=False), *(Head(text=text.format(square.adapted)) for text in heads)),),
            rows=rows,
        )


def interactions_figure(design: TaskDesign, evidence: Evidence) -> Figure | None:
    """Interactions with their intervals: a panel for each intermediate arm, a mark for each k."""
    series = list(dict.fromkeys(square.adapted for square in design.ladder))
    by_arm = {name: list(group) for name, group in groupby(design.ladder, key=lambda square: square.intermediate)}
    panels = {
        name: [row for square in squares for row in _dots(design, square, evidence)] for name, squares in by_arm.items()
    }
    panels = {name: rows for name, rows in panels.items() if rows}
    if not panels:
        return None
    drawn = plots.interactions(list(panels.values()), (OVERALL, *map(language_name, design.headline)), series)
    styles = [plots.style_of(position + 1) for position in range(len(series))]
    return Figure(
        caption="What an intermediate task changes in what the shots add, in points, with 95% intervals. Filled marks "
        "differ from zero after correction.",
        panels=tuple(Panel(svg=Markup(svg), title=name) for svg, name in zip(drawn, panels, strict=True)),
        keys=tuple(
            Key(colour=colour, glyph=plots.GLYPHS[shape], text=name)
            for (colour, shape), name in zip(styles, series, strict=True)
        ),
    )


def local_table(design: TaskDesign, square: Square, evidence: Evidence, provenance: Provenance) -> Table:
    """The four scores of each headline language and their interaction."""
    heads = ("neither", "shots alone", "intermediate alone", "both", "interaction", "p (Holm)", "detectable")
    rows = tuple(
        Row(
            entries=(
                tables.language_entry(language),
                *_means(design, square, language, evidence, provenance),
                *_of_local(evidence.interactions.get((design.task.name, square, language))),
            )
        )
        for language in design.languages_of(square)
    )
    return Table(
        caption=f"{square.intermediate} and {square.adapted}, by language, in points.",
        heads=((Head(text="language", number=False), *(Head(text=text) for text in heads)),),
        rows=rows,
    )


def _row(name: str, *entries: Entry, kind: Literal["", "apart"] = "", note: str = "") -> Row:
    return Row(entries=(Entry(text=name, note=note, kind="head"), *entries), kind=kind)


def _means(
    design: TaskDesign, square: Square, place: str, evidence: Evidence, provenance: Provenance
) -> Iterator[Entry]:
    task = design.task.name
    for arm in square.corners:
        yield tables.level_entry(evidence.level(task, arm, place), provenance.link(task, arm, place))


def _told(found: Sequence[LanguageEstimate]) -> str:
    made = [local for local in found if local.estimate]
    shown = sum(local.shown for local in made)
    return (
        f"Of {count(len(made), 'interaction')} in single languages, {shown or 'none'} "
        f"{'differs' if shown == 1 else 'differ'} from zero after Holm's correction over all interactions of single "
        "languages on this page, a family of their own. A language alone has a fraction of the items: the "
        "tables say what difference could have been detected in it."
    )


def _dots(design: TaskDesign, square: Square, evidence: Evidence) -> Iterator[figures.Row]:
    task = design.task.name
    overall = evidence.of(task, square.terms(INTERACTION), design.languages_of(square))
    if overall and overall.estimate:
        whole = LanguageEstimate(estimate=overall.estimate, corrected=overall.corrected)
        yield _dot(OVERALL, square, whole.shown, overall.estimate)
    for language in design.languages_of(square):
        local = evidence.interactions.get((task, square, language))
        if local and local.estimate:
            yield _dot(language_name(language), square, local.shown, local.estimate)


def _dot(name: str, square: Square, shown: bool, estimate: Estimate) -> figures.Row:
    interval = f"{signed(estimate.low)} to {signed(estimate.high)}"
    return {
        "name": name,
        "series": square.adapted,
        "value": 100 * estimate.value,
        "low": 100 * estimate.low,
        "high": 100 * estimate.high,
        "shown": shown,
        "label": f"{name}, {square.intermediate}, {square.adapted}: {signed(estimate.value)} ({interval})",
    }


def _of_finding(finding: Finding | None, href: str) -> tuple[Entry, Entry, Entry]:
    """Difference with its interval, corrected p, what could have been detected."""
    if finding is None:
        return _gone()
    primary = finding.comparison.kind == "primary"
    p = "primary" if primary else None if finding.corrected is None else tables.p_name(finding.corrected)
    return _of_estimate(finding.estimate, p, href)


def _of_local(local: LanguageEstimate | None) -> tuple[Entry, Entry, Entry]:
    if local is None:
        return _gone()
    return _of_estimate(local.estimate, None if local.corrected is None else tables.p_name(local.corrected), "")


def _of_estimate(estimate: Estimate | None, p: str | None, href: str) -> tuple[Entry, Entry, Entry]:
    if estimate is None:
        return _gone()
    shares = (estimate.seed_share, estimate.draw_share, estimate.item_share)
    seeds, draws, items = (f"{share:.0%}" for share in shares)
    return (
        Entry(
            text=signed(estimate.value),
            note=f"{signed(estimate.low)} to {signed(estimate.high)}",
            href=href,
            hint=f"of what is uncertain, seeds make {seeds}, draws {draws}, items {items}",
            kind="number",
        ),
        Entry(text=ABSENT if p is None else p, kind="number"),
        Entry(text=points(estimate.smallest_detectable), kind="number"),
    )


def _gone() -> tuple[Entry, Entry, Entry]:
    return (Entry(text=MISSING, kind="missing"), *[Entry(text=ABSENT, kind="absent")] * 2)  # type: ignore[return-value]


def _signed(left: Level | None, right: Level | None) -> Entry:
    if left is None or right is None:
        return Entry(text=MISSING, kind="missing")
    return Entry(text=signed(right.value - left.value), kind="number")


def _interaction(levels: Sequence[Level | None]) -> Entry:
    there = [level.value for level in levels if level is not None]
    if len(there) < len(levels):
        return Entry(text=MISSING, kind="missing")
    value = sum(weight * level for weight, level in zip(INTERACTION, there, strict=True))
    return Entry(text=signed(value), kind="number")
