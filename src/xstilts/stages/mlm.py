"""Masked-language modelling in intermediate training: corpora, model and perplexities."""

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
from xstilts.models.tuning import enable_gradient_checkpointing, freeze, set_dropout
from xstilts.planning.specs import IntermediateStage
from xstilts.planning.stage import Texts
from xstilts.problems.features import Feature
from xstilts.stages.artifacts import changed_tensors, encoder_folder
from xstilts.stages.job_context import JobContext
from xstilts.store.facts import MlmFacts, MlmLanguage
from xstilts.train.fit import Objective, seed_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusWindows:
    """The tokenised training texts and held-out texts of one language."""

    language: str
    text_counts: tuple[int, int]
    """Number of training texts and of held-out texts."""
    features: Sequence[Feature]
    held_out: Sequence[Feature]


@dataclass(frozen=True, slots=True, kw_only=True)
class MlmTrainer:
    """A masked-language model with its corpora."""

    model: MaskedLanguageModel
    corpora: tuple[CorpusWindows, ...]
    masker: Masker
    pad_id: int
    device: str
    precision: str

    def objectives(self, seed: int) -> list[Objective]:
        """One objective per language, so that every batch is monolingual."""
        return [
            Objective(
                model=self.model,
                batches=self._inputs(corpus.features, np.random.default_rng([seed, number])),
                fresh_head=not self.model.pretrained_head,
            )
            for number, corpus in enumerate(self.corpora)
        ]

    def perplexities(self) -> dict[str, float | None]:
        """By language, on the held-out texts, with the same masks at every call; None without held-out texts."""
        perplexities: dict[str, float | None] = {}
        for corpus in self.corpora:
            inputs = self._inputs(corpus.held_out, np.random.default_rng(seed_of(0, "held out", corpus.language)))
            perplexities[corpus.language] = perplexity(self.model, inputs, self.precision) if corpus.held_out else None
        return perplexities

    def facts(self, steps: Sequence[int], before: Mapping[str, float | None]) -> MlmFacts:
        """The facts of the stage: the head, and for each language its texts, steps and perplexities."""
        after = self.perplexities()
        by_language = {
            corpus.language: MlmLanguage(
                texts=corpus.text_counts[0],
                held_out=corpus.text_counts[1],
                steps=count,
                perplexity_before=before[corpus.language],
                perplexity_after=after[corpus.language],
            )
            for corpus, count in zip(self.corpora, steps, strict=True)
        }
        return MlmFacts(head="pretrained" if self.model.pretrained_head else "fresh", by_language=by_language)

    def _inputs(self, features: Sequence[Feature], rng: np.random.Generator) -> MaskedInputs:
        return MaskedInputs(features=features, masker=self.masker, pad_id=self.pad_id, rng=rng, device=self.device)


def read_corpora(
    spec: IntermediateStage, context: JobContext, tokenizer: PreTrainedTokenizerBase
) -> tuple[CorpusWindows, ...]:
    """The texts of each language, cut into windows; empty without `mlm`."""
    return tuple(_read_corpus(spec, texts, context, tokenizer) for texts in (spec.mlm.texts if spec.mlm else ()))


def make_mlm_trainer(
    spec: IntermediateStage,
    corpora: tuple[CorpusWindows, ...],
    shared: PreTrainedModel | None,
    context: JobContext,
    tokenizer: PreTrainedTokenizerBase,
) -> MlmTrainer:
    """A trainer on `corpora`, with the encoder of `shared` if tasks are trained too.

    The decoder is tied to the word embeddings, so the embeddings of `shared` must contain the full vocabulary.
    """
    assert spec.mlm is not None
    device = context.environment.device
    masked = load_masked(
        encoder_folder(context.store, spec.parent, context.environment), seed_of(spec.seed, "head", "mlm")
    )
    if shared is not None:
        share_encoder(shared, masked.model)
        masked.tie_embeddings()
    elif tensors := changed_tensors(context.store, spec.parent):
        restore_encoder(masked.model, encoder_state(masked.model) | tensors)
    freeze(masked.model, spec.train)
    set_dropout(masked.model, spec.train.dropout)
    if spec.train.gradient_checkpointing:
        enable_gradient_checkpointing(masked.model)
    rows = cast(Any, backbone(masked.model).get_input_embeddings()).num_embeddings
    return MlmTrainer(
        model=masked.to(device),
        corpora=corpora,
        masker=Masker.from_tokenizer(tokenizer, rows, spec.mlm.masking),
        pad_id=cast(int, tokenizer.pad_token_id),
        device=device,
        precision=spec.train.precision,
    )


def _read_corpus(
    spec: IntermediateStage, texts: Texts, context: JobContext, tokenizer: PreTrainedTokenizerBase
) -> CorpusWindows:
    assert spec.mlm is not None
    environment = context.environment
    corpus = environment.texts[texts.fingerprint]
    lines = read_texts(corpus, cache=environment.cache, offline=environment.offline)
    train, held_out = train_and_held_out(lines, spec.mlm.held_out, spec.mlm.max_texts)
    features = windows(train, tokenizer, spec.train.max_length)
    if not features:
        raise DataError(f"the texts in {corpus.location} have no tokens", "use other texts")
    return CorpusWindows(
        language=texts.language,
        text_counts=(len(train), len(held_out)),
        features=features,
        held_out=windows(held_out, tokenizer, spec.train.max_length),
    )
