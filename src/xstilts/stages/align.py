"""Alignment of one layer on translation pairs, with controls that separate it from a shift of all vectors.

Similarity is measured before and after, on trained and held-out pairs, at the trained layer and at the output.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.features import featurise
from xstilts.encoders import find_card
from xstilts.errors import DataError, UserError
from xstilts.methods.method import Adapters
from xstilts.models.align import Aligner, PairInputs, closeness
from xstilts.models.heads import encoder_state, load_text_encoder, restore_encoder
from xstilts.models.split import layers, supports_split
from xstilts.models.tuning import adapters, attention_projections, enable_gradient_checkpointing, set_dropout
from xstilts.planning.specs import AlignStage
from xstilts.planning.stage import Data
from xstilts.planning.training_specs import MAX_MEASURED_PAIRS
from xstilts.plurals import plural
from xstilts.problems import Parallel
from xstilts.problems.features import Feature
from xstilts.stages.artifacts import (
    base_encoder,
    cached_tokenizer,
    changed_tensors,
    encoder_folder,
    save_weights,
    trainable_tensors,
    weights_digest,
)
from xstilts.stages.job_context import JobContext
from xstilts.stages.training import count_untouched_layers, training_facts
from xstilts.store.facts import AlignFacts, AlignmentRow, ClosenessFacts
from xstilts.store.store import Draft
from xstilts.train.fit import Objective, fit, seed_of, steps_of
from xstilts.train.predict import embed

TRAINED, HELD_OUT = "trained", "held out"


class _Measurement(NamedTuple):
    """The pairs of a language and subset, measured at the trained layer or at the output."""

    language: str
    part: str
    place: str
    pairs: int
    closeness: ClosenessFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of one language and subset. `features` alternate foreign and English; equal `groups` mean equal meaning."""

    language: str
    part: str
    features: Sequence[Feature]
    groups: Sequence[int]


def run(spec: AlignStage, draft: Draft, context: JobContext) -> None:
    store, device = context.store, context.environment.device
    folder = encoder_folder(store, spec.parent, context.environment)
    tokenizer = cached_tokenizer(folder)
    model = _load(spec, context)
    all_pairs = [pairs for data in spec.data for pairs in _pairs(spec, data, context, tokenizer)]
    trained = [pairs for pairs in all_pairs if pairs.part == TRAINED]
    pad_id = cast(int, tokenizer.pad_token_id)
    inputs = PairInputs(
        features=[feature for pairs in trained for feature in pairs.features],
        groups=[group for pairs in trained for group in pairs.groups],
        pad_id=pad_id,
        device=device,
    )
    before = _measure(spec, model, all_pairs, pad_id, device)
    names = {f"{name}.weight" for name in attention_projections(model, spec.layer - 1)}
    weights = {name: parameter.detach() for name, parameter in model.named_parameters() if name in names}
    digest_before = weights_digest(weights)
    steps = steps_of(inputs.lengths, spec.train)
    settings = Adapters(rank=spec.rank, alpha=spec.alpha)
    seed = seed_of(spec.seed, "align", spec.data[0].task)
    with adapters(model, settings, seed, merge=True, layer=spec.layer - 1, dropout=spec.dropout):
        objective = Objective(model=Aligner(model, layer=spec.layer, margin=spec.margin), batches=inputs)
        fitted = fit([objective], [0] * steps, spec.train, seed=seed)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in weights)
    save_weights(draft.path, model, head=False)
    after = _measure(spec, model, all_pairs, pad_id, device)
    first_trained_layer = spec.layer - 1 if supports_split(model) else None
    draft.facts = AlignFacts(
        encoder=base_encoder(store, spec.parent),
        inherits=spec.parent,
        training=training_facts(fitted, digest_before, weights_digest(trainable_tensors(model))),
        untouched_layers=count_untouched_layers(first_trained_layer, context.frozen_prefix(spec.parent)),
        trained=tuple(sorted(weights)),
        alignment=tuple(
            AlignmentRow(
                language=first.language,
                part=first.part,
                place=first.place,
                pairs=first.pairs,
                before=first.closeness,
                after=last.closeness,
            )
            for first, last in zip(before, after, strict=True)
        ),
    )


def _load(spec: AlignStage, context: JobContext) -> PreTrainedModel:
    model = load_text_encoder(encoder_folder(context.store, spec.parent, context.environment))
    if tensors := changed_tensors(context.store, spec.parent):
        restore_encoder(model, encoder_state(model) | tensors)
    depth = len(layers(model))
    if spec.layer > depth:
        raise UserError(f"`align.layer: {spec.layer}`, but the encoder has {plural(depth, 'layer')}")
    set_dropout(model, spec.train.dropout)
    if spec.train.gradient_checkpointing:
        enable_gradient_checkpointing(model)
    return cast(PreTrainedModel, model.to(context.environment.device))  # type: ignore[arg-type]


def _pairs(
    spec: AlignStage, data: Data, context: JobContext, tokenizer: PreTrainedTokenizerBase
) -> tuple[Pairs, Pairs]:
    """The trained pairs, and the held-out pairs, whose groups are the same in every language."""
    prefix = find_card(base_encoder(context.store, spec.parent).name).query_prefix or ""
    examples = cast(Sequence[Parallel], context.examples(data, spec.split))
    held_out = [_group_id(example.group) / 2**63 < spec.held_out for example in examples]
    if all(held_out):
        raise DataError(
            f"task {data.task!r} has no pairs to train on in {data.language}, split {spec.split!r}",
            "lower `align.held_out`, or name another split",
        )

    def subset(name: str, chosen: Sequence[Parallel]) -> Pairs:
        texts = [replace(e, text=prefix + e.text, english=prefix + e.english) for e in chosen]
        features = featurise("retrieval", texts, tokenizer, None, spec.train.max_length)
        return Pairs(language=data.language, part=name, features=features, groups=[_group_id(e.group) for e in chosen])

    return (
        subset(TRAINED, [e for e, is_held_out in zip(examples, held_out, strict=True) if not is_held_out]),
        subset(HELD_OUT, [e for e, is_held_out in zip(examples, held_out, strict=True) if is_held_out]),
    )


def _group_id(group: str) -> int:
    """A 63-bit hash, so that it fits into a tensor."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") >> 1


def _measure(
    spec: AlignStage, model: PreTrainedModel, all_pairs: Sequence[Pairs], pad_id: int, device: str
) -> list[_Measurement]:
    """One measurement per language, subset and place (the trained layer, the output)."""
    places = {f"layer {spec.layer}": spec.layer, "output": len(layers(model))}
    measurements = []
    for pairs in all_pairs:
        if not pairs.groups:
            continue
        vectors = embed(
            model,
            pairs.features[: 2 * MAX_MEASURED_PAIRS],
            pad_id,
            layers=list(places.values()),
            poolings=("mean",),
            precision=spec.train.precision,
            device=device,
        )
        for place, layer in zip(places, vectors[0], strict=True):
            close = closeness(layer[0::2], layer[1::2], pairs.groups[:MAX_MEASURED_PAIRS])
            facts = ClosenessFacts(translations=close.translations, others=close.others, accuracy=close.accuracy)
            measurements.append(_Measurement(pairs.language, pairs.part, place, close.pairs, facts))
    return measurements
