"""Builds the HTML report of a recipe from its store, and the summary for the terminal."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.table import Table as RichTable
from rich.text import Text

from xstilts.analysis.comparisons import comparisons
from xstilts.analysis.contrasts import compute_estimates
from xstilts.analysis.design import design_of
from xstilts.analysis.flat_losses import flat_loss_notices
from xstilts.analysis.harmful_training import harmful_training
from xstilts.analysis.names import language_name, seconds_name, training_name
from xstilts.analysis.results import load_items
from xstilts.analysis.transfer import Transfer
from xstilts.config.recipe import Recipe
from xstilts.data.images import ImageLocations
from xstilts.planning.expand import Graph
from xstilts.platform.files import write_file
from xstilts.plurals import plural
from xstilts.report.components import CardGallery, Collapsible, Entry, Figure, Listing, Section, Sidebar, Table
from xstilts.report.leakage import overlap_remarks
from xstilts.report.markup import with_code
from xstilts.report.provenance import Provenance
from xstilts.report.sections import ReportData, all_sections
from xstilts.report.tables import encoders_table, scores_table
from xstilts.report.transfer import suite_tables
from xstilts.store.store import Manifest, Store
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

_MIN_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The summary for the terminal."""

    primary: str
    sentences: tuple[str, ...]
    """One sentence for every other contrast, significant or not."""
    tables: tuple[RichTable, ...]
    """Languages by arms for each target; tasks by arms for each suite with a published average."""
    notices: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The input of the HTML template."""

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
    places: ImageLocations | None = None,
    warnings: tuple[str, ...] = (),
) -> Summary:
    """Write the report of `recipe` to `out`: one HTML file without external resources.

    `tasks` are the recipe's tasks (required for a user's own tasks), `text` is the recipe file as written, `places`
    says where to find the examples and images of image tasks, and `warnings` are remarks on the data. Scores that the
    store lacks are shown as missing.
    """
    tasks = tasks or {name: load_task(name) for name in recipe.targets}
    designs = tuple(design_of(recipe, graph.cells, tasks[name]) for name in recipe.targets)
    items = load_items(graph.cells, store)
    estimates = compute_estimates(
        designs, comparisons(recipe, designs), graph.cells, store, resamples=resamples, items=items
    )
    data = ReportData(
        recipe=recipe,
        graph=graph,
        store=store,
        out=out,
        designs=designs,
        estimates=estimates,
        transfer=Transfer(recipe, graph, store, designs, resamples=resamples, items=items),
        manifests={key: store.manifest(key) for key in graph.stages},
        provenance=Provenance.of(graph.cells, {design.task.name: design.task.problem for design in designs}),
        resamples=resamples,
        items=items,
        image_locations=places,
        warnings=warnings,
    )
    page = _page(data, text)
    write_file(out, _render(page))
    return Summary(
        primary=page.primary,
        sentences=tuple(result.sentence for result in estimates.contrasts if result.comparison.kind != "primary"),
        tables=tuple(map(_terminal_table, (*_score_tables(data), *suite_tables(data.transfer)))),
        notices=(*page.notices, *warnings),
        path=out,
    )


def _page(data: ReportData, text: str) -> Page:
    recipe, estimates = data.recipe, data.estimates
    primary = estimates.primary
    return Page(
        title=recipe.name,
        description=recipe.description,
        version=version("xstilts"),
        indicative=len(recipe.seeds) < _MIN_SEEDS,
        facts=_facts(data),
        notices=_notices(data),
        primary=primary.sentence if primary else "This recipe names no primary contrast.",
        primary_href=data.provenance.task_link(primary.comparison.task) if primary else "",
        primary_remarks=_primary_remarks(data),
        sections=all_sections(data),
        environments=_environments(data.manifests),
        recipe=text or yaml.safe_dump(recipe.model_dump(mode="json", exclude_defaults=True), sort_keys=False),
    )


def _facts(data: ReportData) -> tuple[tuple[str, str], ...]:
    recipe, graph, finished = data.recipe, data.graph, [m for m in data.manifests.values() if m]
    trainings = {name: training_name(arm) for name, arm in recipe.intermediate.items()}
    arms = [f"{name} ({training})" if training else name for name, training in trainings.items()]
    languages = tuple(dict.fromkeys(language for design in data.designs for language in design.languages))
    fewshot = recipe.fewshot
    scored = {cell.artifact for cell in graph.cells}
    return (
        ("Encoder", recipe.encoder),
        ("Intermediate training", ", ".join(arms)),
        ("Targets", ", ".join(f"{d.task.name} ({d.task.problem})" for d in data.designs)),
        (f"{plural(len(languages), 'language')}", ", ".join(map(language_name, languages))),
        ("Seeds", ", ".join(map(str, recipe.seeds))),
        ("Shots (k)", ", ".join(map(str, (0, *fewshot.shots))) if fewshot else "0"),
        ("Draws of the shots", str(fewshot.draws) if fewshot else "none"),
        (
            "Stages",
            f"{len(finished):,} of {len(graph.stages):,} finished, {len(scored):,} with scores; compute time "
            f"{seconds_name(sum(m.seconds for m in finished))}",
        ),
    )


def _notices(data: ReportData) -> tuple[str, ...]:
    recipe = data.recipe
    notices = []
    if missing := sum(data.manifests[cell.artifact] is None for cell in data.graph.cells):
        total = len(data.graph.cells)
        notices.append(
            f"Incomplete: {missing} of {plural(total, 'score')} are missing. Contrasts that need them are not "
            "computed. Continue with `xstilts run`."
        )
    if len(recipe.seeds) < _MIN_SEEDS:
        notices.append(
            f"Indicative only: {plural(len(recipe.seeds), 'seed')}. Fewer than three seeds are too few to estimate the "
            "variance between seeds."
        )
    if recipe.fewshot and recipe.fewshot.selection == "target_dev":
        notices.append("Few-shot scores are oracles: checkpoints were selected on target-language development data.")
    if data.warnings:
        notices.append(f"{plural(len(data.warnings), 'remark')} on the data, below the tables and in the section Data.")
    notices += overlap_remarks(data.graph.cells, data.manifests)
    flat = flat_loss_notices(data.graph.stages.values(), data.manifests)
    return (*harmful_training(data.estimates), *notices, *flat)


def _primary_remarks(data: ReportData) -> tuple[str, ...]:
    if (primary := data.estimates.primary) is None:
        return ()
    names = ", ".join(map(language_name, primary.comparison.languages))
    return (f"Specified before the recipe was run, over {names}. Not corrected for the other contrasts.",)


def _environments(manifests: Mapping[str, Manifest | None]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The distinct environments in which stages ran."""
    environments = [tuple(sorted((k, str(v)) for k, v in m.environment.items())) for m in manifests.values() if m]
    return tuple(dict.fromkeys(environments))


def _render(page: Page) -> str:
    environment = Environment(
        loader=PackageLoader("xstilts.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = with_code
    for kind in (Table, Figure, Sidebar, Listing, Collapsible, CardGallery):
        environment.tests[f"{kind.__name__.lower()}_part"] = lambda value, kind=kind: isinstance(value, kind)
    script = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html.j2").render(
        page=page, script=Markup(script), script_hash=Markup(f"sha256-{digest}")
    )


def _score_tables(data: ReportData) -> Sequence[Table]:
    return [
        (encoders_table if design.retrieval else scores_table)(design, data.estimates, data.provenance)
        for design in data.designs
    ]


def _terminal_table(table: Table) -> RichTable:
    rich_table = RichTable(title=Text(table.caption), title_justify="left")
    for position, name in enumerate(_column_names(table)):
        rich_table.add_column(Text(name), justify="right" if position else "left")
    for row in table.rows:
        style = {"mean": "bold", "muted": "dim"}.get(row.kind, "")
        rich_table.add_row(*map(_terminal_cell, row.entries), style=style)
    return rich_table


def _column_names(table: Table) -> list[str]:
    if len(table.heads) == 1:
        return [head.text for head in table.heads[0]]
    groups = [head.text for head in table.heads[0] for _ in range(head.span)]
    return [f"{group}\n{head.text}".strip() for group, head in zip(groups, table.heads[1], strict=True)]


def _terminal_cell(entry: Entry) -> Text:
    return Text(f"{entry.text} {entry.note}".strip())
