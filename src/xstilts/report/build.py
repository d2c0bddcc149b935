"""From a recipe's cells and the store to one HTML file, and to what the terminal prints."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from rich.table import Table as RichTable
from rich.text import Text

from xstilts.analysis.contrasts import gather
from xstilts.analysis.design import comparisons, design_of
from xstilts.analysis.learning import hardly_learnt
from xstilts.analysis.names import count, language_name, seconds_name, training_name
from xstilts.analysis.results import load_items
from xstilts.analysis.transfer import Transfer
from xstilts.config.recipe import Recipe
from xstilts.data.images import Places
from xstilts.planning.expand import Graph
from xstilts.report import components as parts
from xstilts.report.components import Entry, Section, Table
from xstilts.report.provenance import Provenance
from xstilts.report.sections import Material, all_sections
from xstilts.report.tables import encoders_table, scores_table
from xstilts.report.transfer import suite_tables
from xstilts.store.store import Manifest, Store
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

_ENOUGH_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the terminal prints: sentences, tables, and where the page is."""

    primary: str
    sentences: tuple[str, ...]
    """One for every other contrast, whichever way it went."""
    tables: tuple[RichTable, ...]
    """Languages by arms, one for each target; tasks by arms, one for each suite with a published average."""
    notices: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the template lays out."""

    title: str
    description: str
    version: str
    indicative: bool
    facts: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    primary: str
    primary_href: str
    primary_remarks: tuple[str, ...]
    sections: tuple[Section, ...]
    environments: tuple[tuple[tuple[str, str], ...], ...]
    recipe: str


def build(
    recipe: Recipe,
    graph: Graph,
    store: Store,
    out: Path,
    *,
    resamples: int = 10_000,
    tasks: Mapping[str, Task] | None = None,
    text: str = "",
    places: Places | None = None,
) -> Summary:
    """Write the report of `recipe` to `out`, one HTML file that loads nothing.

    `tasks` are those that the recipe names (needed for a user's own), `text` its file as it was written, and
    `places` where the examples and images of tasks with pictures lie. What the store lacks is called missing.
    """
    known = tasks or {name: load_task(name) for name in recipe.targets}
    designs = tuple(design_of(recipe, graph.cells, known[name]) for name in recipe.targets)
    items = load_items(graph.cells, store)
    evidence = gather(designs, comparisons(recipe, designs), graph.cells, store, resamples=resamples, items=items)
    material = Material(
        recipe=recipe,
        graph=graph,
        store=store,
        out=out,
        designs=designs,
        evidence=evidence,
        transfer=Transfer(recipe, graph, store, designs, resamples=resamples, items=items),
        manifests={key: store.manifest(key) for key in graph.stages},
        provenance=Provenance.of(graph.cells),
        resamples=resamples,
        items=items,
        places=places,
    )
    page = _page(material, text)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_render(page), encoding="utf-8")
    return Summary(
        primary=page.primary,
        sentences=tuple(finding.sentence for finding in evidence.findings if finding.comparison.kind != "primary"),
        tables=tuple(map(_terminal, (*_score_tables(material), *suite_tables(material.transfer)))),
        notices=page.notices,
        path=out,
    )


def _page(material: Material, text: str) -> Page:
    recipe, evidence = material.recipe, material.evidence
    primary = evidence.primary
    return Page(
        title=recipe.name,
        description=recipe.description,
        version=version("xstilts"),
        indicative=len(recipe.seeds) < _ENOUGH_SEEDS,
        facts=_facts(material),
        notices=_notices(material),
        primary=primary.sentence if primary else "This recipe names no primary contrast.",
        primary_href=material.provenance.task_link(primary.comparison.task) if primary else "",
        primary_remarks=_primary_remarks(material),
        sections=all_sections(material),
        environments=_environments(material.manifests),
        recipe=text or yaml.safe_dump(recipe.model_dump(mode="json", exclude_defaults=True), sort_keys=False),
    )


def _facts(material: Material) -> tuple[tuple[str, str], ...]:
    recipe, graph, found = material.recipe, material.graph, [m for m in material.manifests.values() if m]
    trained = {name: training_name(arm) for name, arm in recipe.intermediate.items()}
    arms = [f"{name} ({training})" if training else name for name, training in trained.items()]
    languages = tuple(dict.fromkeys(language for design in material.designs for language in design.languages))
    fewshot = recipe.fewshot
    kinds = {cell.artifact for cell in graph.cells}
    return (
        ("Encoder", recipe.encoder),
        ("Intermediate training", ", ".join(arms)),
        ("Targets", ", ".join(f"{d.task.name} ({d.task.problem})" for d in material.designs)),
        (f"{count(len(languages), 'language')}", ", ".join(map(language_name, languages))),
        ("Seeds", ", ".join(map(str, recipe.seeds))),
        ("Shots (k)", ", ".join(map(str, (0, *fewshot.shots))) if fewshot else "0"),
        ("Draws of the shots", str(fewshot.draws) if fewshot else "none"),
        (
            "Stages",
            f"{len(found):,} of {len(graph.stages):,} done in {seconds_name(sum(m.seconds for m in found))} of "
            f"computing; {len(kinds):,} hold scores",
        ),
    )


def _notices(material: Material) -> tuple[str, ...]:
    recipe = material.recipe
    notices = []
    gone = sum(material.manifests[cell.artifact] is None for cell in material.graph.cells)
    if gone:
        total = len(material.graph.cells)
        notices.append(
            f"Incomplete: {gone} of {count(total, 'score')} are missing. They are shown as missing, and no contrast "
            f"that needs them is computed. `xstilts run` goes on from here."
        )
    if len(recipe.seeds) < _ENOUGH_SEEDS:
        notices.append(
            f"Indicative only: {count(len(recipe.seeds), 'seed')}. How much a result varies from seed to seed cannot "
            "be told from fewer than three."
        )
    if recipe.fewshot and recipe.fewshot.selection == "target_dev":
        notices.append("Few-shot scores are oracles: target-language development data chose the step that was kept.")
    return (*notices, *hardly_learnt(material.graph.stages.values(), material.manifests))


def _primary_remarks(material: Material) -> tuple[str, ...]:
    primary = material.evidence.primary
    if primary is None:
        return ()
    names = ", ".join(map(language_name, primary.comparison.languages))
    return (f"Named before the recipe ran, over {names}. It is not corrected for the other contrasts.",)


def _environments(manifests: Mapping[str, Manifest | None]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The distinct environments in which stages ran."""
    found = [tuple(sorted((k, str(v)) for k, v in m.environment.items())) for m in manifests.values() if m]
    return tuple(dict.fromkeys(found))


def _render(page: Page) -> str:
    environment = Environment(
        loader=PackageLoader("xstilts.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = _with_code
    for kind in (parts.Table, parts.Figure, parts.Sidebar, parts.Listing, parts.Collapsible, parts.CardSection):
        environment.tests[f"{kind.__name__.lower()}_part"] = partial(_is, kind)
    return environment.get_template("page.html.j2").render(page=page)


def _with_code(text: str) -> Markup:
    """The escaped text; what stands between back quotes is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _is(kind: type, value: object) -> bool:
    return isinstance(value, kind)


def _score_tables(material: Material) -> Sequence[Table]:
    return [
        (encoders_table if design.retrieval else scores_table)(design, material.evidence, material.provenance)
        for design in material.designs
    ]


def _terminal(table: Table) -> RichTable:
    """The same table for the terminal."""
    shown = RichTable(title=table.caption, title_justify="left")
    names = table.heads[-1] if len(table.heads) == 1 else tuple(_flat(table))
    for position, head in enumerate(names):
        shown.add_column(Text(head if isinstance(head, str) else head.text), justify="right" if position else "left")
    for row in table.rows:
        style = {"mean": "bold", "apart": "dim"}.get(row.kind, "")
        shown.add_row(*map(_cell, row.entries), style=style)
    return shown


def _flat(table: Table) -> list[str]:
    groups = [head.text for head in table.heads[0] for _ in range(head.span)]
    return [f"{group}\n{head.text}".strip() for group, head in zip(groups, table.heads[1], strict=True)]


def _cell(entry: Entry) -> Text:
    return Text(f"{entry.text} {entry.note}".strip())
