"""Tables of what masked texts and alignment did to the encoder, by its own measures."""

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
    "Cosines and accuracies are means over languages and seeds. Accuracy falls with the number of pairs, so it is "
    "compared before and after, not between rows."
)


def alignment_table(graph: Graph, manifests: Manifests, provenance: Provenance) -> Table | None:
    """Cosines of translations and of other sentences, and retrieval, before and after; None where nothing aligns."""
    found = [
        row
        for arm, stages in _by_arm(graph, AlignStage).items()
        if (aligned := [m for stage in stages if (m := manifests[stage.key])])
        for row in _alignment_rows(arm, aligned, provenance)
    ]
    heads = ("pairs", "cosine of translations", "cosine of others", "accuracy")
    return _table(
        "Alignment, before → after: a rise that other sentences share is a shift of all vectors.",
        [Head(text=text, number=False) for text in ("arm", "part", "at")] + [Head(text=text) for text in heads],
        found,
        _ALIGNED,
    )


def texts_read_table(graph: Graph, manifests: Manifests, provenance: Provenance) -> Table | None:
    """Perplexity on held-out texts, before and after masked-language modelling; None where no arm reads texts."""
    found = [
        row
        for arm, stages in _by_arm(graph, IntermediateStage).items()
        if (trained := [m for stage in stages if stage.mlm and (m := manifests[stage.key])])
        for row in _text_rows(arm, trained, provenance)
    ]
    heads = ("texts", "held out", "steps", "perplexity")
    return _table(
        "Masked-language modelling, before → after: perplexity of the masked sub-words of held-out texts.",
        [Head(text=text, number=False) for text in ("arm", "language", "head")] + [Head(text=text) for text in heads],
        found,
        "A fresh head knows nothing of the texts before: its fall tells little of the encoder.",
    )


def _table(caption: str, heads: Sequence[Head], rows: Sequence[Row], note: str) -> Table | None:
    return Table(caption=caption, heads=(tuple(heads),), rows=tuple(rows), notes=(note,)) if rows else None


def _by_arm(graph: Graph, kind: type[T]) -> dict[str, list[T]]:
    """The stages of a kind that the scores of each intermediate arm go back to, one for each seed."""
    found: dict[str, dict[str, T]] = {}
    for cell in graph.cells:
        for stage in _lineage(graph, cell.artifact):
            if isinstance(stage, kind):
                found.setdefault(cell.intermediate, {})[stage.key] = stage
    return {arm: list(stages.values()) for arm, stages in found.items()}


def _lineage(graph: Graph, key: str | None) -> Iterator[Stage]:
    while key is not None:
        yield (stage := graph.stages[key])
        key = getattr(stage, "parent", None)


def _alignment_rows(arm: str, manifests: Sequence[Manifest], provenance: Provenance) -> Iterator[Row]:
    href = provenance.artifact_link(manifests[0].key)
    aligned = [manifest.facts for manifest in manifests if isinstance(manifest.facts, AlignFacts)]
    rows = sorted((row for facts in aligned for row in facts.alignment), key=_part_and_place)
    for (part, place), group in groupby(rows, key=_part_and_place):
        same = tuple(group)
        yield Row(
            entries=(
                Entry(text=arm, kind="head"),
                Entry(text=part),
                Entry(text=place),
                Entry(text=f"{sum(row.pairs for row in same) // len(manifests):,}", kind="number"),
                _moments([(r.before.translations, r.after.translations) for r in same], "{:.3f}".format, href),
                _moments([(r.before.others, r.after.others) for r in same], "{:.3f}".format, href),
                _moments([(r.before.accuracy, r.after.accuracy) for r in same], points, href),
            )
        )


def _part_and_place(row: AlignmentRow) -> tuple[str, str]:
    return row.part, row.place


def _text_rows(arm: str, manifests: Sequence[Manifest], provenance: Provenance) -> Iterator[Row]:
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
                _moments([(r.perplexity_before, r.perplexity_after) for r in same], "{:,.1f}".format, href),
            )
        )


def _moments(pairs: Sequence[tuple[float | None, float | None]], written: Callable[[float], str], href: str) -> Entry:
    """Means before and after, of pairs of both."""
    means = []
    for moment in zip(*pairs, strict=True):
        values = [value for value in moment if value is not None]
        if not values:
            return Entry(text=ABSENT, kind="absent")
        means.append(written(fmean(values)))
    return Entry(text=" → ".join(means), kind="number", href=href)
