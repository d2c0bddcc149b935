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
    return _table(
        "Alignment, before → after. If other pairs become as similar as translations, all vectors have only moved "
        "closer.",
        ("arm", "part", "layer"),
        ("pairs", "cosine, translations", "cosine, other pairs", "retrieval accuracy"),
        rows,
        "Cosine similarities and accuracies are means over languages and seeds. Accuracy decreases with the number of "
        "pairs: compare before and after, not rows.",
    )


def mlm_table(graph: Graph, manifests: Manifests, provenance: Provenance) -> Table | None:
    """Perplexity on held-out texts before and after masked-language modelling; None if no arm uses it."""
    rows = [
        row
        for arm, stages in _stages_by_arm(graph, IntermediateStage).items()
        if (trained := [m for stage in stages if stage.mlm and (m := manifests[stage.key])])
        for row in _mlm_rows(arm, trained, provenance)
    ]
    return _table(
        "Masked-language modelling, before → after: perplexity of masked tokens in held-out texts.",
        ("arm", "language", "head"),
        ("texts", "held out", "steps", "perplexity"),
        rows,
        "A new MLM head starts untrained, so its fall in perplexity says little about the encoder.",
    )


def _table(caption: str, names: Sequence[str], numbers: Sequence[str], rows: Sequence[Row], note: str) -> Table | None:
    """`names` and `numbers` are the heads of columns with text and with numbers. None without rows."""
    heads = (*(Head(text=text, number=False) for text in names), *(Head(text=text) for text in numbers))
    return Table(caption=caption, heads=(heads,), rows=tuple(rows), notes=(note,)) if rows else None


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
    rows = sorted((row for facts in aligned for row in facts.alignment), key=_part_and_place)
    for (part, place), group in groupby(rows, key=_part_and_place):
        runs = tuple(group)
        translations = [(row.before.translations, row.after.translations) for row in runs]
        others = [(row.before.others, row.after.others) for row in runs]
        accuracies = [(row.before.accuracy, row.after.accuracy) for row in runs]
        yield Row(
            entries=(
                Entry(text=arm, kind="head"),
                Entry(text=part),
                Entry(text=place),
                Entry(text=f"{sum(row.pairs for row in runs) // len(manifests):,}", kind="number"),
                _before_after_entry(translations, "{:.3f}".format, href),
                _before_after_entry(others, "{:.3f}".format, href),
                _before_after_entry(accuracies, points, href),
            )
        )


def _part_and_place(row: AlignmentRow) -> tuple[str, str]:
    return row.part, row.place


def _mlm_rows(arm: str, manifests: Sequence[Manifest], provenance: Provenance) -> Iterator[Row]:
    href = provenance.artifact_link(manifests[0].key)
    trained = [m.facts.mlm for m in manifests if isinstance(m.facts, IntermediateFacts) and m.facts.mlm]
    for language in trained[0].by_language if trained else ():
        runs = [mlm.by_language[language] for mlm in trained]
        counts = (f"{runs[0].texts:,}", f"{runs[0].held_out:,}", f"{fmean(run.steps for run in runs):,.0f}")
        yield Row(
            entries=(
                Entry(text=arm, kind="head"),
                Entry(text=language_name(language), note=language),
                Entry(text=trained[0].head),
                *(Entry(text=text, kind="number") for text in counts),
                _before_after_entry([(r.perplexity_before, r.perplexity_after) for r in runs], "{:,.1f}".format, href),
            )
        )


def _before_after_entry(
    pairs: Sequence[tuple[float | None, float | None]], format_value: Callable[[float], str], href: str
) -> Entry:
    """The means of the values before and after, from (before, after) pairs."""
    means = []
    for column in zip(*pairs, strict=True):
        values = [value for value in column if value is not None]
        if not values:
            return Entry(text=ABSENT, kind="absent")
        means.append(format_value(fmean(values)))
    return Entry(text=" → ".join(means), kind="number", href=href)
