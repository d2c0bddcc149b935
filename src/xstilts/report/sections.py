"""The sections of the page, in order."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from xstilts.analysis.contrasts import Estimates
from xstilts.analysis.controls import CONTROL_METHODS
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import metric_name
from xstilts.analysis.results import ZERO_SHOT, Items
from xstilts.analysis.stage_facts import StageFacts
from xstilts.analysis.transfer import Transfer
from xstilts.config.recipe import Recipe
from xstilts.data.images import ImageLocations
from xstilts.encoders import find_card, overlaps
from xstilts.planning.expand import Graph
from xstilts.planning.specs import ChooseLayerStage
from xstilts.plurals import plural
from xstilts.report import ablations, controls, figures, item_gallery, methods, records, tables
from xstilts.report.auto import selected_candidates_table
from xstilts.report.closed_form import selected_settings_table
from xstilts.report.components import Collapsible, Component, Figure, Section, Sidebar
from xstilts.report.interactions import interactions_section
from xstilts.report.leakage import leak_remarks
from xstilts.report.metrics_table import metrics_table
from xstilts.report.provenance import Provenance, artifact_table, artifacts_section
from xstilts.report.scored_items import left_out_notes
from xstilts.report.transfer import transfer_sections
from xstilts.report.translations import translations_table
from xstilts.report.two_by_two import effects_section
from xstilts.store.facts import ChooseLayerFacts, MineFacts, RetrieveFacts, ScoredFacts
from xstilts.store.files import CURVE_FILE
from xstilts.store.store import Manifest, Store

_MAX_DATA_NOTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """All inputs of a page."""

    recipe: Recipe
    graph: Graph
    store: Store
    out: Path
    designs: tuple[TaskDesign, ...]
    estimates: Estimates
    transfer: Transfer
    manifests: Mapping[str, Manifest | None]
    provenance: Provenance
    resamples: int
    items: Items
    image_locations: ImageLocations | None
    """Where examples and their images are stored; None if unknown."""
    warnings: tuple[str, ...] = ()
    """What the checks of the data found."""

    def data_notes(self, task: str) -> tuple[str, ...]:
        """Warnings on the data of a task, for the small print of its table."""
        notes = [warning.removeprefix(f"{task} ") for warning in self.warnings if warning.startswith(f"{task} ")]
        more = [f"{len(notes) - _MAX_DATA_NOTES} more remarks on its data are in the section Data."]
        return tuple(notes[:_MAX_DATA_NOTES] + more * (len(notes) > _MAX_DATA_NOTES))

    def stage_facts(self, design: TaskDesign) -> StageFacts:
        return StageFacts(design=design, cells=self.graph.cells, manifests=self.manifests)


def all_sections(data: ReportData) -> tuple[Section, ...]:
    """The sections that apply to the recipe."""
    trained = [design for design in data.designs if not design.retrieval]
    retrieval = [design for design in data.designs if design.retrieval]
    sections = [
        *(_task_section(data, design) for design in trained),
        *(_retrieval_section(data, design) for design in retrieval),
        *transfer_sections(data.transfer),
        *_controls_section(data),
        *_ablations_section(data),
        *_translations_section(data),
        *_fewshot_section(data),
        _texts_section(data),
        *_data_section(data),
        _overlaps_section(data),
        Section(anchor="methods", title="Methods", lead=methods.paragraphs(data.recipe, data.resamples)),
        _provenance_section(data),
    ]
    return tuple(sections)


def _data_section(data: ReportData) -> Iterator[Section]:
    if data.warnings:
        yield Section(anchor="data", title="Data", lead=data.warnings)


def _task_section(data: ReportData, design: TaskDesign) -> Section:
    name = design.task.name
    return Section(
        anchor=f"task-{name}",
        title=name,
        lead=(_task_description(data, design),),
        parts=(
            *_weaknesses_sidebar(design),
            *effects_section(design, data.estimates, data.provenance),
            _scores_section(data, design),
            *interactions_section(design, data.estimates, data.provenance),
            *_gallery_section(data, design),
        ),
    )


def _gallery_section(data: ReportData, design: TaskDesign) -> Iterator[Section]:
    if design.task.spec.has_images:
        max_images = item_gallery.MAX_IMAGES // sum(other.task.spec.has_images for other in data.designs)
        yield item_gallery.gallery_section(
            data.recipe, design, data.graph.cells, data.store, data.items, data.image_locations, max_images
        )


_SHOT_UNITS = {
    None: "",
    "per class": " k is the number of shots per class.",
    "sentences": " k is the number of sentences.",
    "items": " k is the number of items.",
}


def _task_description(data: ReportData, design: TaskDesign) -> str:
    scored = (data.manifests[cell.artifact] for cell in data.graph.cells if cell.task == design.task.name)
    items = sorted({m.facts.scores.items for m in scored if m and isinstance(m.facts, ScoredFacts)})
    item_counts = " to ".join(f"{number:,}" for number in dict.fromkeys((items[0], items[-1]))) if items else "0"
    article = "An" if design.task.problem[0] in "aeiou" else "A"
    return (
        f"{article} {design.task.problem} task in {plural(len(design.languages), 'language')} ({item_counts} items "
        f"each), scored by {metric_name(design.task.metric)}. All numbers are points out of 100."
        f"{_SHOT_UNITS[design.task.spec.shots_unit]}"
    )


def _weaknesses_sidebar(design: TaskDesign) -> Iterator[Sidebar]:
    if design.task.weaknesses:
        yield Sidebar(title="Limitations of the data", remarks=design.task.weaknesses)


def _scores_section(data: ReportData, design: TaskDesign) -> Section:
    estimates = data.estimates
    notes = (*left_out_notes(data.stage_facts(design)), *data.data_notes(design.task.name))
    table = tables.scores_table(design, estimates, data.provenance)
    parts: list[Component] = [replace(table, notes=(*table.notes, *notes))]
    if training := estimates.contrasts_on(design.task.name, "training"):
        caption = "Each trained arm minus the frozen encoder with a closed-form head and the same shots, in points."
        parts.append(tables.contrasts_table(training, data.provenance, caption))
    if design.task.spec.is_contrastive:
        parts.append(metrics_table(data.stage_facts(design), data.provenance))
    if heat := figures.heat_figure(design, estimates):
        parts.append(heat)
    for method in dict.fromkeys(arm.method for arm in design.arms if arm.method not in (ZERO_SHOT, *CONTROL_METHODS)):
        if figures.has_curve(design, method):
            pair = figures.curves_figure(design, estimates, method), figures.lines_figure(design, estimates, method)
            parts += [figure for figure in pair if figure]
    return Section(anchor=f"scores-{design.task.name}", title="Scores by language", parts=tuple(parts))


def _retrieval_section(data: ReportData, design: TaskDesign) -> Section:
    estimates, name = data.estimates, design.task.name
    table = tables.encoders_table(design, estimates, data.provenance)
    parts: list[Component] = [
        *_weaknesses_sidebar(design),
        replace(table, notes=(*table.notes, *data.data_notes(name))),
    ]
    if contrasts := estimates.contrasts_on(name, "primary", "retrieval"):
        caption = "Differences to the pretrained encoder, in points."
        parts.append(tables.contrasts_table(contrasts, data.provenance, caption))
        parts.append(tables.sentences(contrasts))
    parts += _layer_figures(data, name)
    return Section(
        anchor=f"task-{name}",
        title=f"{name}: {design.task.problem}",
        lead=(
            _task_description(data, design),
            f"The task is scored without fine-tuning: {design.task.spec.matching}, with the encoder of each arm. It is "
            "averaged with other tasks only in published suite averages." + _layer_sentence(data, name),
        ),
        parts=tuple(parts),
    )


def _layer_sentence(data: ReportData, task: str) -> str:
    cells = [cell for cell in data.graph.cells if cell.task == task and cell.method == ZERO_SHOT]
    manifests = (data.manifests[cell.artifact] for cell in cells)
    scored = (manifest.facts for manifest in manifests if manifest)
    used = sorted({(facts.layer, facts.pooling) for facts in scored if isinstance(facts, RetrieveFacts | MineFacts)})
    descriptions = [f"layer {layer}, {pooling} pooling" for layer, pooling in used]
    return f" Sentence vectors: {' or '.join(descriptions)}." if descriptions else ""


def _layer_figures(data: ReportData, task: str) -> Iterator[Figure]:
    """Accuracy by layer and pooling on the data on which these were chosen, then on the scored items by encoder."""
    stages = data.graph.stages
    intermediate_by_artifact = {cell.artifact: cell.intermediate for cell in data.graph.cells if cell.task == task}
    for key in dict.fromkeys(getattr(stages[artifact], "chosen_by", None) for artifact in intermediate_by_artifact):
        stage, manifest = stages.get(key or ""), data.manifests.get(key or "")
        facts = manifest.facts if manifest else None
        if isinstance(stage, ChooseLayerStage) and isinstance(facts, ChooseLayerFacts):
            curve = pl.read_parquet(data.store.path(stage.key) / CURVE_FILE)
            yield figures.layers_figure(curve, facts.layer, facts.pooling, stage)
    if curves := _scored_curves(data, intermediate_by_artifact):
        yield figures.arms_by_layer_figure(curves)


def _scored_curves(data: ReportData, artifacts: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """The accuracy curves on the scored items by intermediate arm, over all seeds and languages."""
    curves: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for key, intermediate in artifacts.items():
        path = data.store.path(key) / CURVE_FILE
        if data.manifests[key] and path.is_file():
            curves[intermediate].append(pl.read_parquet(path))
    return {intermediate: pl.concat(frames) for intermediate, frames in curves.items()}


def _controls_section(data: ReportData) -> Iterator[Section]:
    estimates, provenance = data.estimates, data.provenance
    parts: list[Component] = []
    for design in data.designs:
        if design.task.spec.has_images:
            facts = data.stage_facts(design)
            parts += controls.image_parts(data.recipe, facts, data.items, estimates, provenance)
        if contrasts := estimates.contrasts_on(design.task.name, "control"):
            parts += [tables.controls_table(design, contrasts, provenance), tables.sentences(contrasts)]
    if parts:
        lead = "An effect is due to the intermediate task or the shots only as far as it exceeds these controls."
        yield Section(anchor="controls", title="Controls", lead=(lead,), parts=tuple(parts))


def _ablations_section(data: ReportData) -> Iterator[Section]:
    arguments = data.graph, data.manifests, data.provenance
    candidates = ablations.mlm_table(*arguments), ablations.alignment_table(*arguments)
    if parts := tuple(table for table in candidates if table):
        lead = "Intrinsic measures of training on held-out texts. The effect on the targets is in the sections above."
        yield Section(anchor="ablations", title="Masked-language modelling and alignment", lead=(lead,), parts=parts)


def _translations_section(data: ReportData) -> Iterator[Section]:
    if table := translations_table(data.graph, data.manifests, data.provenance):
        lead = "Intermediate training on translations depends on their quality and on which examples were dropped."
        yield Section(anchor="translations", title="Translated training data", lead=(lead,), parts=(table,))


def _fewshot_section(data: ReportData) -> Iterator[Section]:
    if any(cell.shots for cell in data.graph.cells):
        arguments = (data.graph.cells, data.manifests, data.provenance)
        makers = (records.fewshot_training_table, selected_settings_table, selected_candidates_table)
        parts = tuple(table for make in makers if (table := make(*arguments)) is not None)
        yield Section(anchor="fewshot", title="Few-shot training", parts=parts)


def _texts_section(data: ReportData) -> Section:
    return Section(
        anchor="texts",
        title="Tokenizer statistics",
        lead=("Many unknown tokens or many tokens per word can explain low scores that more training does not fix.",),
        parts=tuple(
            records.tokenizer_table(design, data.graph.cells, data.manifests, data.provenance)
            for design in data.designs
        ),
    )


def _overlaps_section(data: ReportData) -> Section:
    recipe, card = data.recipe, find_card(data.recipe.encoder)
    used = {*recipe.targets, *(task for arm in recipe.intermediate.values() for task in arm.reads)}
    remarks = overlaps(card, used) or (f"{card.name} is not known to have been trained on any of these tasks.",)
    parts = [Sidebar(title="Overlap with the tasks", remarks=remarks)]
    if card.notes:
        parts.insert(0, Sidebar(title="About the encoder", remarks=card.notes))
    if leaks := leak_remarks(data.graph.cells, data.manifests):
        parts.append(Sidebar(title="Possible leakage", remarks=leaks))
    return Section(anchor="overlaps", title="Training data of the encoder", parts=tuple(parts))


def _provenance_section(data: ReportData) -> Section:
    return Section(
        anchor="provenance",
        title="Provenance",
        lead=("Every number above links to its artifact, or to the artifacts that it is a mean of.",),
        parts=(
            artifacts_section(data.provenance),
            Collapsible(
                title=f"All {plural(len(data.graph.stages), 'artifact')}",
                parts=(artifact_table(data.graph.stages, data.manifests, data.store, data.out),),
            ),
        ),
    )
