"""The masked-language-modelling part of intermediate training: its texts, its model, and what it learnt of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.corpora import read_texts, train_and_held_out
from xstilts.errors import DataError
from xstilts.models.heads import encoder_state, restore_encoder
from xstilts.models.mlm import MaskedInputs, MaskedLanguageModel, Masker, load_masked, perplexity, windows
from xstilts.models.sharing import share_encoder
from xstilts.models.split import backbone
from xstilts.models.tuning import checkpoint_layers, freeze, set_dropout
from xstilts.planning.specs import IntermediateStage
from xstilts.planning.stage import Texts
from xstilts.problems.features import Feature
from xstilts.stages.artifacts import changed_tensors, encoder_folder
from xstilts.stages.job_context import JobContext
from xstilts.store.facts import MlmFacts, MlmLanguage
from xstilts.train.fit import Objective, seed_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusWindows:
    """The texts of one language as sub-words: those that are trained on, and those that are held out."""

    language: str
    text_counts: tuple[int, int]
    """How many there are of both."""
    features: Sequence[Feature]
    held_out: Sequence[Feature]


@dataclass(frozen=True, slots=True, kw_only=True)
class MlmTrainer:
    """A masked-language model with its texts. Without `mlm` in a stage there is none."""

    model: MaskedLanguageModel
    corpora: tuple[CorpusWindows, ...]
    masker: Masker
    pad_id: int
    device: str
    precision: str

    def objectives(self, seed: int) -> list[Objective]:
        """One for each language, so that every batch is of one language."""
        return [
            Objective(
                model=self.model,
                batches=self._feed(reading.features, np.random.default_rng([seed, number])),
                fresh_head=not self.model.published,
            )
            for number, reading in enumerate(self.corpora)
        ]

    def perplexities(self) -> dict[str, float | None]:
        """By language, on the held-out texts with the same masks at every call; None where there are none."""
        return {reading.language: self._perplexity(reading) for reading in self.corpora}

    def facts(self, steps: Sequence[int], before: Mapping[str, float | None]) -> MlmFacts:
        """Which head was used, and for each language its texts, steps, and perplexity before and now."""
        after = self.perplexities()
        by_language = {
            reading.language: MlmLanguage(
                texts=reading.text_counts[0],
                held_out=reading.text_counts[1],
                steps=count,
                perplexity_before=before[reading.language],
                perplexity_after=after[reading.language],
            )
            for reading, count in zip(self.corpora, steps, strict=True)
        }
        return MlmFacts(head="pretrained" if self.model.published else "fresh", by_language=by_language)

    def _perplexity(self, reading: CorpusWindows) -> float | None:
        rng = np.random.default_rng(seed_of(0, "held out", reading.language))
        return perplexity(self.model, self._feed(reading.held_out, rng), self.precision) if reading.held_out else None

    def _feed(self, features: Sequence[Feature], rng: np.random.Generator) -> MaskedInputs:
        return MaskedInputs(features=features, masker=self.masker, pad_id=self.pad_id, rng=rng, device=self.device)


def read_corpora(
    spec: IntermediateStage, context: JobContext, tokenizer: PreTrainedTokenizerBase
) -> tuple[CorpusWindows, ...]:
    """The texts of each language, cut into windows; none where the stage masks nothing."""
    return tuple(_reading(spec, texts, context, tokenizer) for texts in (spec.mlm.texts if spec.mlm else ()))


def make_mlm_trainer(
    spec: IntermediateStage,
    found: tuple[CorpusWindows, ...],
    owner: PreTrainedModel | None,
    context: JobContext,
    tokenizer: PreTrainedTokenizerBase,
) -> MlmTrainer:
    """A model to read `found` with, over the encoder of `owner` where tasks are trained beside it.

    Its decoder's weight is the whole table of word embeddings, so nothing of it may be left out.
    """
    assert spec.mlm is not None
    device = context.environment.device
    masked = load_masked(
        encoder_folder(context.store, spec.parent, context.environment), seed_of(spec.seed, "head", "mlm")
    )
    if owner is not None:
        share_encoder(owner, masked.model)
        masked.tie()
    elif tensors := changed_tensors(context.store, spec.parent):
        restore_encoder(masked.model, encoder_state(masked.model) | tensors)
    freeze(masked.model, spec.train)
    set_dropout(masked.model, spec.train.dropout)
    if spec.train.gradient_checkpointing:
        checkpoint_layers(masked.model)
    rows = cast(Any, backbone(masked.model).get_input_embeddings()).num_embeddings
    return MlmTrainer(
        model=masked.to(device),
        corpora=found,
        masker=Masker.of(tokenizer, rows, spec.mlm.masking),
        pad_id=cast(int, tokenizer.pad_token_id),
        device=device,
        precision=spec.train.precision,
    )


def _reading(
    spec: IntermediateStage, texts: Texts, context: JobContext, tokenizer: PreTrainedTokenizerBase
) -> CorpusWindows:
    assert spec.mlm is not None
    environment = context.environment
    corpus = environment.texts[texts.fingerprint]
    found = read_texts(corpus, cache=environment.cache, offline=environment.offline)
    train, apart = train_and_held_out(found, spec.mlm.held_out, spec.mlm.max_texts)
    features, held_out = (windows(part, tokenizer, spec.train.max_length) for part in (train, apart))
    if not features:
        raise DataError(f"the tokenizer makes nothing of the texts in {corpus.location}", "name other texts")
    counts = len(train), len(apart)
    return CorpusWindows(language=texts.language, text_counts=counts, features=features, held_out=held_out)
