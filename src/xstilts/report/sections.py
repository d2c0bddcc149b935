"""The sections of the page, in order."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from xstilts.analysis.contrasts import Evidence
from xstilts.analysis.controls import CONTROLS
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import count, metric_name
from xstilts.analysis.results import ZERO_SHOT, Items
from xstilts.analysis.stage_facts import StageFacts
from xstilts.analysis.transfer import Transfer
from xstilts.config.recipe import Recipe
from xstilts.data.images import Places
from xstilts.encoders import find_card, overlaps
from xstilts.planning.expand import Graph
from xstilts.planning.specs import ChooseLayerStage
from xstilts.report import ablations, controls, figures, methods, records, tables, two_by_two
from xstilts.report import item_gallery as image_features
from xstilts.report import transfer as transfer_parts
from xstilts.report.components import Collapsible, Figure, Part, Section, Sidebar
from xstilts.report.leakage import leak_remarks
from xstilts.report.metrics_table import metrics_table
from xstilts.report.provenance import Provenance, artifact_table, behind_section
from xstilts.report.translations import translations_table
from xstilts.store.facts import ChooseLayerFacts, MineFacts, RetrieveFacts, ScoredFacts
from xstilts.store.files import CURVE_FILE
from xstilts.store.store import Manifest, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that a page is made from."""

    recipe: Recipe
    graph: Graph
    store: Store
    out: Path
    designs: tuple[TaskDesign, ...]
    evidence: Evidence
    transfer: Transfer
    manifests: Mapping[str, Manifest | None]
    provenance: Provenance
    resamples: int
    items: Items
    places: Places | None
    """Where examples and their images lie; None where nobody said."""

    def recorded(self, design: TaskDesign) -> StageFacts:
        return StageFacts(design=design, cells=self.graph.cells, manifests=self.manifests)


def all_sections(material: Material) -> tuple[Section, ...]:
    """Those that the recipe has something for."""
    trained = [design for design in material.designs if not design.retrieval]
    retrieval = [design for design in material.designs if design.retrieval]
    found = [
        *(_task_section(material, design) for design in trained),
        *(_retrieval_section(material, design) for design in retrieval),
        *transfer_parts.sections(material.transfer),
        *_controls_section(material),
        *_ablations_section(material),
        *_translations_section(material),
        *_fewshot_section(material),
        _texts_section(material),
        _overlaps_section(material),
        Section(anchor="methods", title="Methods", lead=methods.paragraphs(material.recipe, material.resamples)),
        _provenance_section(material),
    ]
    return tuple(found)


def _task_section(material: Material, design: TaskDesign) -> Section:
    name = design.task.name
    return Section(
        anchor=f"task-{name}",
        title=name,
        lead=(_what(material, design),),
        parts=(
            *_weaknesses(design),
            *two_by_two.effects_section(design, material.evidence, material.provenance),
            *_scores(material, design),
            *two_by_two.languages_section(design, material.evidence, material.provenance),
            *_pictures(material, design),
        ),
    )


def _pictures(material: Material, design: TaskDesign) -> Iterator[Section]:
    if design.task.spec.images:
        targets = sum(other.task.spec.images for other in material.designs)
        most = image_features.PICTURES // targets
        graph, store, items, places = material.graph, material.store, material.items, material.places
        yield image_features.pictures_section(material.recipe, design, graph.cells, store, items, places, most)


_SHOTS = {
    None: "",
    "per class": " k counts the shots of each class.",
    "sentences": " k counts sentences.",
    "items": " k counts items.",
}


def _what(material: Material, design: TaskDesign) -> str:
    scored = (material.manifests[cell.artifact] for cell in material.graph.cells if cell.task == design.task.name)
    items = sorted({m.facts.scores.items for m in scored if m and isinstance(m.facts, ScoredFacts)})
    of = " to ".join(f"{number:,}" for number in dict.fromkeys((items[0], items[-1]))) if items else "0"
    article = "An" if design.task.problem[0] in "aeiou" else "A"
    return (
        f"{article} {design.task.problem} task in {count(len(design.languages), 'language')} ({of} items each), scored "
        f"by {metric_name(design.task.metric)}. All numbers are points of 100."
        f"{_SHOTS[design.task.spec.shots_unit]}"
    )


def _weaknesses(design: TaskDesign) -> Iterator[Sidebar]:
    if design.task.weaknesses:
        yield Sidebar(title="Weaknesses of these data", remarks=design.task.weaknesses)


def _scores(material: Material, design: TaskDesign) -> Iterator[Part]:
    evidence, name = material.evidence, design.task.name
    parts: list[Part] = [tables.scores_table(design, evidence, material.provenance)]
    if design.task.spec.contrastive:
        parts.append(metrics_table(material.recorded(design), material.provenance))
    if heat := figures.heat_figure(design, evidence):
        parts.append(heat)
    methods_used = dict.fromkeys(arm.method for arm in design.arms if arm.method not in (ZERO_SHOT, *CONTROLS))
    for method in methods_used:
        if figures.has_curve(design, method):
            drawn = figures.curves_figure(design, evidence, method), figures.lines_figure(design, evidence, method)
            parts += [figure for figure in drawn if figure]
    yield Section(anchor=f"scores-{name}", title="Scores by language", parts=tuple(parts))


def _retrieval_section(material: Material, design: TaskDesign) -> Section:
    evidence, name = material.evidence, design.task.name
    parts: list[Part] = [*_weaknesses(design), tables.encoders_table(design, evidence, material.provenance)]
    if found := evidence.about(name, "primary", "retrieval"):
        caption = "Differences to the encoder as published, in points."
        parts.append(tables.findings_table(found, material.provenance, caption))
        parts.append(two_by_two.in_sentences(found))
    parts += _layers(material, name)
    return Section(
        anchor=f"task-{name}",
        title=f"{name}: {design.task.problem}",
        lead=(
            _what(material, design),
            f"Nothing is trained for it: {design.task.spec.matching} by the encoder that an arm hands over. It is "
            "averaged with other tasks only where a published average does so." + _layer(material, name),
        ),
        parts=tuple(parts),
    )


def _layer(material: Material, task: str) -> str:
    cells = [cell for cell in material.graph.cells if cell.task == task and cell.method == ZERO_SHOT]
    found = (material.manifests[cell.artifact] for cell in cells)
    scored = (manifest.facts for manifest in found if manifest)
    used = sorted({(facts.layer, facts.pooling) for facts in scored if isinstance(facts, RetrieveFacts | MineFacts)})
    told = [f"layer {layer}, pooled by {pooling}" for layer, pooling in used]
    return f" Vectors are those of {'; or '.join(told)}." if told else ""


def _layers(material: Material, task: str) -> Iterator[Figure]:
    """How accuracy depends on layer and pooling where they were chosen, then where they are scored, by encoder."""
    stages = material.graph.stages
    mine = {cell.artifact: cell.intermediate for cell in material.graph.cells if cell.task == task}
    chosen_by = dict.fromkeys(getattr(stages[key], "chosen_by", None) for key in mine)
    for key in chosen_by:
        chooser, manifest = stages.get(key or ""), material.manifests.get(key or "")
        facts = manifest.facts if manifest else None
        if isinstance(chooser, ChooseLayerStage) and isinstance(facts, ChooseLayerFacts):
            curve = pl.read_parquet(material.store.path(chooser.key) / CURVE_FILE)
            yield figures.layers_figure(curve, facts.layer, facts.pooling, chooser)
    if curves := _scored_curves(material, mine):
        yield figures.arms_by_layer_figure(curves)


def _scored_curves(material: Material, artifacts: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """By intermediate, the curves of all its seeds and languages on the scored items."""
    found: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for key, intermediate in artifacts.items():
        path = material.store.path(key) / CURVE_FILE
        if material.manifests[key] and path.is_file():
            found[intermediate].append(pl.read_parquet(path))
    return {intermediate: pl.concat(frames) for intermediate, frames in found.items()}


def _controls_section(material: Material) -> Iterator[Section]:
    evidence, provenance = material.evidence, material.provenance
    parts: list[Part] = []
    for design in material.designs:
        if design.task.spec.images:
            recorded = material.recorded(design)
            parts += controls.image_parts(material.recipe, recorded, material.items, evidence, provenance)
        if found := evidence.about(design.task.name, "control"):
            parts += [tables.controls_table(design, found, provenance), two_by_two.in_sentences(found)]
    if parts:
        lead = "An effect is the intermediate task's, or the shots', only as far as it exceeds these controls."
        yield Section(anchor="controls", title="Controls", lead=(lead,), parts=tuple(parts))


def _ablations_section(material: Material) -> Iterator[Section]:
    graph, manifests, provenance = material.graph, material.manifests, material.provenance
    found = (table(graph, manifests, provenance) for table in (ablations.texts_read_table, ablations.alignment_table))
    if parts := tuple(table for table in found if table):
        lead = "Measures of the training itself, on texts that were kept from it. What it is worth, the targets tell."
        yield Section(anchor="ablations", title="Masked texts and alignment", lead=(lead,), parts=parts)


def _translations_section(material: Material) -> Iterator[Section]:
    if table := translations_table(material.graph, material.manifests, material.provenance):
        lead = "Intermediate training on translations hangs on how good they are, and on what could not be translated."
        yield Section(anchor="translations", title="Translated training data", lead=(lead,), parts=(table,))


def _fewshot_section(material: Material) -> Iterator[Section]:
    if any(cell.shots for cell in material.graph.cells):
        yield Section(
            anchor="fewshot",
            title="How the few-shot models came about",
            parts=(records.fewshot_training_table(material.graph.cells, material.manifests, material.provenance),),
        )


def _texts_section(material: Material) -> Section:
    return Section(
        anchor="texts",
        title="Languages and the tokenizer",
        lead=("Many unknown tokens, or many tokens per word, explain failures that no training mends.",),
        parts=tuple(
            records.texts_table(design, material.graph.cells, material.manifests, material.provenance)
            for design in material.designs
        ),
    )


def _overlaps_section(material: Material) -> Section:
    recipe, card = material.recipe, find_card(material.recipe.encoder)
    used = {*recipe.targets, *(task for arm in recipe.intermediate.values() for task in arm.reads)}
    remarks = overlaps(card, used) or (f"None of these tasks is among what {card.name} is known to have seen.",)
    parts = [Sidebar(title="Overlaps with the tasks", remarks=remarks)]
    if card.notes:
        parts.insert(0, Sidebar(title="About the encoder", remarks=card.notes))
    if leaks := leak_remarks(material.graph.cells, material.manifests):
        parts.append(Sidebar(title="Leaks", remarks=leaks))
    return Section(anchor="overlaps", title="What the encoder had seen before", parts=tuple(parts))


def _provenance_section(material: Material) -> Section:
    return Section(
        anchor="provenance",
        title="Provenance",
        lead=("Every number above leads here: to its artifact, or to those that it is a mean of.",),
        parts=(
            behind_section(material.provenance),
            Collapsible(
                title=f"All {count(len(material.graph.stages), 'artifact')}",
                parts=(artifact_table(material.graph.stages, material.manifests, material.store, material.out),),
            ),
        ),
    )
