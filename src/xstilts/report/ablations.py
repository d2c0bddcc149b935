"""Tables of intrinsic measures before and after masked-language modelling and alignment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import TypeVar

from xstilts.analysis.names import ABSENT, language_name, points
from xstilts.planning.expand import Graph
from xstilts.planning.specs import AlignStage, IntermediateStage
from xstilts.planning.stage import Stage
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance
from xstilts.store.facts import AlignFacts, AlignmentRow, IntermediateFacts
from xstilts.store.store import Manifest

Manifests = Mapping[str, Manifest | None]
T = TypeVar("T", bound=Stage)

_ALIGNED = (
    "Cosine similarities and accuracies are means over languages and seeds. Accuracy decreases with the number of "
    "pairs: "
    "compare before and after, not rows."
)


def alignment_table(graph: Graph, manifests: Manifests, provenance: Provenance) -> Table | None:
    """Cosine similarity of translations and of other pairs, and retrieval accuracy, before and after alignment.

    None if the recipe has no alignment.
    """
    rows = [
        row
        for arm, stages in _stages_by_arm(graph, AlignStage).items()
        if (aligned := [m for stage in stages if (m := manifests[stage.key])])
        for row in _alignment_rows(arm, aligned, provenance)
    ]
    heads = ("pairs", "cosine, translations", "cosine, other pairs", "retrieval accuracy")
    return _table(
        "Alignment, before → after. If other pairs become as similar as translations, all vectors have only moved "
        "closer.",
        [Head(text=text, number=False) for text in ("arm", "part", "layer")] + [Head(text=text) for text in heads],
        rows,
        _ALIGNED,
    )


def mlm_table(graph: Graph, manifests: Manifests, provenance: Provenance) -> Table | None:
    """Perplexity on held-out texts before and after masked-language modelling; None if no arm uses it."""
    rows = [
        row
        for arm, stages in _stages_by_arm(graph, IntermediateStage).items()
        if (trained := [m for stage in stages if stage.mlm and (m := manifests[stage.key])])
        for row in _mlm_rows(arm, trained, provenance)
    ]
    heads = ("texts", "held out", "steps", "perplexity")
    return _table(
        "Masked-language modelling, before → after: perplexity of masked tokens in held-out texts.",
        [Head(text=text, number=False) for text in ("arm", "language", "head")] + [Head(text=text) for text in heads],
        rows,
        "A new MLM head starts untrained, so its fall in perplexity says little about the encoder.",
    )


def _table(caption: str, heads: Sequence[Head], rows: Sequence[Row], note: str) -> Table | None:
    return Table(caption=caption, heads=(tuple(heads),), rows=tuple(rows), notes=(note,)) if rows else None


def _stages_by_arm(graph: Graph, kind: type[T]) -> dict[str, list[T]]:
    """For each intermediate arm, the stages of one kind that its scores depend on, one per seed."""
    stages_by_arm: dict[str, dict[str, T]] = {}
    for cell in graph.cells:
        for stage in _lineage(graph, cell.artifact):
            if isinstance(stage, kind):
                stages_by_arm.setdefault(cell.intermediate, {})[stage.key] = stage
    return {arm: list(stages.values()) for arm, stages in stages_by_arm.items()}


def _lineage(graph: Graph, key: str | None) -> Iterator[Stage]:
    while key is not None:
        yield (stage := graph.stages[key])
        key = getattr(stage, "parent", None)


def _alignment_rows(arm: str, manifests: Sequence[Manifest], provenance: Provenance) -> Iterator[Row]:
    href = provenance.artifact_link(manifests[0].key)
    aligned = [manifest.facts for manifest in manifests if isinstance(manifest.facts, AlignFacts)]
    rows = sorted((row for facts in aligned for row in facts.alignment), key=_model_part_and_position)
    for (part, position), group in groupby(rows, key=_model_part_and_position):
        same = tuple(group)
        yield Row(
            entries=(
                Entry(text=arm, kind="head"),
                Entry(text=part),
                Entry(text=position),
                Entry(text=f"{sum(row.pairs for row in same) // len(manifests):,}", kind="number"),
                _before_after_entry(
                    [(r.before.translations, r.after.translations) for r in same], "{:.3f}".format, href
                ),
                _before_after_entry([(r.before.others, r.after.others) for r in same], "{:.3f}".format, href),
                _before_after_entry([(r.before.accuracy, r.after.accuracy) for r in same], points, href),
            )
        )


def _model_part_and_position(row: AlignmentRow) -> tuple[str, str]:
    return row.part, row.place


def _mlm_rows(arm: str, manifests: Sequence[Manifest], provenance: Provenance) -> Iterator[Row]:
    href = provenance.artifact_link(manifests[0].key)
    trained = [m.facts.mlm for m in manifests if isinstance(m.facts, IntermediateFacts) and m.facts.mlm]
    for language in trained[0].by_language if trained else ():
        same = [mlm.by_language[language] for mlm in trained]
        counts = (f"{same[0].texts:,}", f"{same[0].held_out:,}", f"{fmean(row.steps for row in same):,.0f}")
        yield Row(
            entries=(
                Entry(text=arm, kind="head"),
                Entry(text=language_name(language), note=language),
                Entry(text=trained[0].head),
                *(Entry(text=text, kind="number") for text in counts),
                _before_after_entry([(r.perplexity_before, r.perplexity_after) for r in same], "{:,.1f}".format, href),
            )
        )


def _before_after_entry(
    pairs: Sequence[tuple[float | None, float | None]], format_value: Callable[[float], str], href: str
) -> Entry:
    """Mean value before and after, from pairs of both."""
    means = []
    for moment in zip(*pairs, strict=True):
        values = [value for value in moment if value is not None]
        if not values:
            return Entry(text=ABSENT, kind="absent")
        means.append(format_value(fmean(values)))
    return Entry(text=" → ".join(means), kind="number", href=href)
