"""Translations mined from two collections, with a threshold that the development split decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from torch import Tensor

from xstilts.data.features import featurise
from xstilts.data.load import check_labels
from xstilts.errors import DataError
from xstilts.execution.environment import Emit, Event
from xstilts.metrics import metric
from xstilts.metrics.mining import best_threshold, occurs_once, one_to_one
from xstilts.models.mining import candidates
from xstilts.planning.specs import MineStage
from xstilts.problems import Sentence
from xstilts.problems.scores import score_frame
from xstilts.stages.artifacts import base_encoder
from xstilts.stages.job_context import JobContext
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.vectors import Embedder, embed_features, layer_and_pooling, load_embedder
from xstilts.store.facts import MineFacts
from xstilts.store.store import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedPairs:
    """The pairs that one split's collections give before any threshold: English ids by foreign ids, and margins."""

    foreign: Sequence[Sentence]
    pairs: Sequence[tuple[Sentence, Sentence]]
    margins: np.ndarray

    def threshold(self) -> float:
        correct = np.array([other.id in (own.partners or ()) for own, other in self.pairs], dtype=float)
        return best_threshold(self.margins, correct, sum(len(own.partners or ()) for own in self.foreign))

    def frame(self, threshold: float) -> pl.DataFrame:
        """The foreign sentences as items, each with the English one that it was paired with."""
        kept = zip(self.pairs, self.margins, strict=True)
        found = {own.id: other.id for (own, other), margin in kept if margin >= threshold}
        items = [(sentence.id, sentence.group) for sentence in self.foreign]
        gold = [list(sentence.partners or ()) for sentence in self.foreign]
        return score_frame("mining", items, gold, [found.get(sentence.id, "") for sentence in self.foreign])


def run(spec: MineStage, draft: Draft, context: JobContext, emit: Emit) -> None:
    place, tool = layer_and_pooling(spec, context), load_embedder(spec.parent, context)
    dev = _mined(spec.dev_split, spec, place, tool, context)
    emit(Event(key=spec.key, kind="progress", done=1, total=2))
    scored = _mined(spec.split, spec, place, tool, context)
    threshold = dev.threshold()
    (layer, pooling), task = place, context.task(spec.data.task)
    draft.facts = MineFacts(
        encoder=base_encoder(context.store, spec.parent),
        scores=write_scores(draft.path, scored.frame(threshold), task),
        texts=text_facts(scored.foreign, tool[1], spec.max_length, task),
        layer=layer,
        pooling=pooling,
        threshold=threshold,
        threshold_split=spec.dev_split,
        threshold_score=metric("pair_f1").score(dev.frame(threshold)),
    )


def pair_sentences(
    foreign: Sequence[Sentence], english: Sequence[Sentence], embed: Callable[[Sequence[Sentence]], Tensor]
) -> MinedPairs:
    """One-to-one pairs of two collections, best first; `embed` gives vectors [sentences, hidden].

    Of equal sentences one is a neighbour of others, but none is paired: nobody could tell which was meant.
    """
    left, right = _unified(foreign), _unified(english)
    pairs, margins = candidates(embed(left), embed(right))
    rows = one_to_one(pairs, margins)
    taken = [(left[own], right[other]) for own, other in pairs[rows]]
    single = _single(foreign) | _single(english)
    kept = np.array([own.id in single and other.id in single for own, other in taken], dtype=bool)
    return MinedPairs(
        foreign=foreign,
        pairs=[pair for pair, keep in zip(taken, kept, strict=True) if keep],
        margins=margins[rows][kept],
    )


def _mined(split: str, spec: MineStage, place: tuple[int, str], tool: Embedder, context: JobContext) -> MinedPairs:
    foreign, english = _sides(split, spec, context)
    return pair_sentences(foreign, english, lambda side: _vectors(side, place, tool, spec, context))


def _sides(split: str, spec: MineStage, context: JobContext) -> tuple[list[Sentence], list[Sentence]]:
    """The foreign and the English collection. Raises DataError where one is empty, or without gold pairs."""
    examples: Sequence[Sentence] = context.examples(spec.data, split)  # type: ignore[assignment]
    check_labels(examples, context.task(spec.data.task))
    foreign, english = [e for e in examples if not e.english], [e for e in examples if e.english]
    if not foreign or not english:
        raise DataError(
            f"task {spec.data.task!r} has sentences of one side only in {spec.data.language!r}, split {split!r}",
            "mining needs sentences of the language and English ones",
        )
    return foreign, english


def _unified(side: Sequence[Sentence]) -> list[Sentence]:
    """One of each text, so that copies do not crowd out other neighbours."""
    first: dict[str, Sentence] = {}
    for sentence in side:
        first.setdefault(sentence.text, sentence)
    return list(first.values())


def _single(side: Sequence[Sentence]) -> set[str]:
    """Ids of the sentences that no other equals."""
    alone = occurs_once([sentence.text for sentence in side])
    return {sentence.id for sentence, single in zip(side, alone, strict=True) if single}


def _vectors(
    sentences: Sequence[Sentence], place: tuple[int, str], tool: Embedder, spec: MineStage, context: JobContext
) -> Tensor:
    (layer, pooling), (_, tokenizer, prefix) = place, tool
    texts = [replace(sentence, text=prefix + sentence.text) for sentence in sentences]
    features = featurise("mining", texts, tokenizer, None, spec.max_length)
    return embed_features(features, tool, [layer], [pooling], spec, context)[0, 0].to(context.environment.device)
