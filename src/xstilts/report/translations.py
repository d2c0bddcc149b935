"""The table of examples translated for intermediate training."""

from collections.abc import Mapping

from xstilts.analysis.names import language_name
from xstilts.planning.expand import Graph
from xstilts.planning.specs import TranslateStage
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance
from xstilts.store.facts import TranslateFacts
from xstilts.store.store import Manifest


def translations_table(graph: Graph, manifests: Mapping[str, Manifest | None], provenance: Provenance) -> Table | None:
    """Translated and dropped examples by task and language; None if nothing is translated."""
    rows = []
    for stage in graph.stages.values():
        manifest = manifests[stage.key]
        facts = manifest.facts if manifest else None
        if isinstance(stage, TranslateStage) and isinstance(facts, TranslateFacts):
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in facts.dropped_by_reason.items())
            rows.append(
                Row(
                    entries=(
                        Entry(text=stage.data.task, kind="head"),
                        Entry(text=language_name(stage.to), note=stage.to),
                        Entry(text=str(stage.model or stage.file)),
                        Entry(text=f"{facts.kept:,}", kind="number", href=provenance.artifact_link(stage.key)),
                        Entry(text=f"{facts.dropped:,}", kind="number"),
                        Entry(text=reasons),
                    )
                )
            )
    heads = [Head(text=text, number=False) for text in ("task", "language", "translated by")]
    heads += [Head(text="kept"), Head(text="dropped"), Head(text="reason", number=False)]
    caption = "Translated training examples. Dropped examples are not a random sample."
    return Table(caption=caption, heads=(tuple(heads),), rows=tuple(rows)) if rows else None
