"""Mining of translation pairs from two collections, with a threshold fitted on the development split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from torch import Tensor

from xstilts.data.features import featurise
from xstilts.data.load import check_labels
from xstilts.errors import DataError
from xstilts.metrics import metric
from xstilts.metrics.mining import best_threshold, occurs_once, one_to_one
from xstilts.models.mining import candidates
from xstilts.planning.specs import MineStage
from xstilts.problems import Sentence
from xstilts.problems.scores import score_frame
from xstilts.stages.artifacts import base_encoder
from xstilts.stages.job_context import JobContext
from xstilts.stages.lineage import check_lineage, count_items_trained_on
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.vectors import Embedder, embed_features, layer_and_pooling, load_embedder
from xstilts.store.facts import LeakFacts, MineFacts
from xstilts.store.store import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedPairs:
    """The candidate pairs (foreign, English) of a split, with their margins, before thresholding."""

    foreign: Sequence[Sentence]
    pairs: Sequence[tuple[Sentence, Sentence]]
    margins: np.ndarray

    def threshold(self) -> float:
        correct = np.array([english.id in (foreign.partners or ()) for foreign, english in self.pairs], dtype=float)
        return best_threshold(self.margins, correct, sum(len(sentence.partners or ()) for sentence in self.foreign))

    def frame(self, threshold: float) -> pl.DataFrame:
        """The foreign sentences as items. The prediction is the paired English sentence, if the margin is enough."""
        predicted = {
            foreign.id: english.id
            for (foreign, english), margin in zip(self.pairs, self.margins, strict=True)
            if margin >= threshold
        }
        items = [(sentence.id, sentence.group) for sentence in self.foreign]
        gold = [list(sentence.partners or ()) for sentence in self.foreign]
        return score_frame("mining", items, gold, [predicted.get(sentence.id, "") for sentence in self.foreign])


def run(spec: MineStage, draft: Draft, context: JobContext) -> None:
    task = context.task(spec.data.task)
    unchecked = check_lineage(context, spec.parent, task, spec.split, context.examples(spec.data, spec.split))
    embedder = load_embedder(spec.parent, context)
    dev = _mine(spec.dev_split, spec, embedder, context)
    scored = _mine(spec.split, spec, embedder, context)
    threshold = dev.threshold()
    layer, pooling = layer_and_pooling(spec, context)
    draft.facts = MineFacts(
        encoder=base_encoder(context.store, spec.parent),
        scores=write_scores(draft.path, scored.frame(threshold), task),
        texts=text_facts(scored.foreign, embedder[1], spec.max_length, task),
        leaks=LeakFacts(
            unchecked=tuple(unchecked),
            images_shared={},
            items_trained_on=count_items_trained_on(context, spec.parent, task, spec.split, scored.foreign),
        ),
        layer=layer,
        pooling=pooling,
        threshold=threshold,
        threshold_split=spec.dev_split,
        threshold_score=metric("pair_f1").score(dev.frame(threshold)),
    )


def pair_sentences(
    foreign: Sequence[Sentence], english: Sequence[Sentence], embed: Callable[[Sequence[Sentence]], Tensor]
) -> MinedPairs:
    """One-to-one pairs of two collections, best first. `embed` returns vectors [sentences, hidden].

    A sentence that occurs several times is a neighbour once, and is never paired because the choice would be arbitrary.
    """
    unique_foreign, unique_english = _unique(foreign), _unique(english)
    pairs, margins = candidates(embed(unique_foreign), embed(unique_english))
    rows = one_to_one(pairs, margins)
    sentence_pairs = [(unique_foreign[row], unique_english[column]) for row, column in pairs[rows]]
    single = _occurring_once(foreign) | _occurring_once(english)
    valid = np.array([pair[0].id in single and pair[1].id in single for pair in sentence_pairs], dtype=bool)
    return MinedPairs(
        foreign=foreign,
        pairs=[pair for pair, is_valid in zip(sentence_pairs, valid, strict=True) if is_valid],
        margins=margins[rows][valid],
    )


def _mine(split: str, spec: MineStage, embedder: Embedder, context: JobContext) -> MinedPairs:
    """Raises DataError if one of the collections is empty, or without gold pairs."""
    examples: Sequence[Sentence] = context.examples(spec.data, split)  # type: ignore[assignment]
    check_labels(examples, context.task(spec.data.task), split)
    foreign, english = [e for e in examples if not e.english], [e for e in examples if e.english]
    if not foreign or not english:
        raise DataError(
            f"task {spec.data.task!r} has sentences of one side only in {spec.data.language!r}, split {split!r}",
            "add sentences of the other side: mining needs English sentences and those of the language",
        )
    return pair_sentences(foreign, english, lambda sentences: _vectors(sentences, spec, embedder, context))


def _unique(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The first sentence of each text, so that copies do not crowd out other neighbours."""
    first: dict[str, Sentence] = {}
    for sentence in sentences:
        first.setdefault(sentence.text, sentence)
    return list(first.values())


def _occurring_once(sentences: Sequence[Sentence]) -> set[str]:
    """Ids of the sentences whose text occurs once."""
    single = occurs_once([sentence.text for sentence in sentences])
    return {sentence.id for sentence, is_single in zip(sentences, single, strict=True) if is_single}


def _vectors(sentences: Sequence[Sentence], spec: MineStage, embedder: Embedder, context: JobContext) -> Tensor:
    """[sentences, hidden]"""
    (layer, pooling), (_, tokenizer, prefix) = layer_and_pooling(spec, context), embedder
    texts = [replace(sentence, text=prefix + sentence.text) for sentence in sentences]
    features = featurise("mining", texts, tokenizer, None, spec.max_length)
    return embed_features(features, embedder, [layer], [pooling], spec, context)[0, 0].to(context.environment.device)
