"""Alignment of one layer on translations, with the controls that tell it from a shift of all vectors.

Each measure is taken before and after, on trained and on held-out pairs, at the trained layer and at the output.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.features import featurise
from xstilts.encoders import find_card
from xstilts.errors import DataError, UserError
from xstilts.execution.environment import Emit
from xstilts.methods.method import Adapters
from xstilts.models.align import Aligner, PairInputs, closeness
from xstilts.models.heads import encoder_state, load_text, restore_encoder
from xstilts.models.split import layers, supports_split
from xstilts.models.tuning import adapters, attention, checkpoint_layers, set_dropout
from xstilts.planning.specs import AlignStage
from xstilts.planning.stage import Data
from xstilts.planning.training_specs import MAX_MEASURED_PAIRS
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
from xstilts.stages.progress import step_reporter
from xstilts.stages.training import count_untouched_layers, training_facts
from xstilts.store.facts import AlignFacts, AlignmentRow, ClosenessFacts
from xstilts.store.store import Draft
from xstilts.train.fit import Objective, fit, seed_of, steps_of
from xstilts.train.predict import embed

TRAINED, HELD_OUT = "trained", "held out"


class _Place(NamedTuple):
    """Which pairs are measured, how many, and where: at the trained layer or the output."""

    language: str
    part: str
    place: str
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of one language. `features` are a foreign and an English one for each; equal `groups` mean the same."""

    language: str
    part: str
    features: Sequence[Feature]
    groups: Sequence[int]


def run(spec: AlignStage, draft: Draft, context: JobContext, emit: Emit) -> None:
    store, device = context.store, context.environment.device
    folder = encoder_folder(store, spec.parent, context.environment)
    tokenizer = cached_tokenizer(folder)
    model = _model(spec, context)
    found = [pairs for data in spec.data for pairs in _pairs(spec, data, context, tokenizer)]
    inputs = _feed([pairs for pairs in found if pairs.part == TRAINED], tokenizer, device)
    before = _measured(spec, model, found, tokenizer, device)
    weights = _adapted(model, spec.layer)
    sum_before = weights_digest(weights)
    steps = steps_of(inputs.lengths, spec.train)
    settings = Adapters(rank=spec.rank, alpha=spec.alpha)
    seed = seed_of(spec.seed, "align", spec.data[0].task)
    with adapters(model, settings, seed, merge=True, layer=spec.layer - 1, dropout=spec.dropout):
        objective = Objective(model=Aligner(model, layer=spec.layer, margin=spec.margin), batches=inputs)
        fitted = fit([objective], [0] * steps, spec.train, seed=seed, report=step_reporter(spec, emit))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in weights)
    save_weights(draft.path, model, head=False)
    after = _measured(spec, model, found, tokenizer, device)
    below = spec.layer - 1 if supports_split(model) else None
    draft.facts = AlignFacts(
        encoder=base_encoder(store, spec.parent),
        inherits=spec.parent,
        training=training_facts(fitted, sum_before, weights_digest(trainable_tensors(model))),
        untouched_layers=count_untouched_layers(below, context.frozen_prefix(spec.parent)),
        trained=tuple(sorted(weights)),
        alignment=tuple(
            AlignmentRow(
                language=place.language, part=place.part, place=place.place, pairs=place.pairs, before=first, after=last
            )
            for (place, first), (_, last) in zip(before, after, strict=True)
        ),
    )


def _model(spec: AlignStage, context: JobContext) -> PreTrainedModel:
    model = load_text(encoder_folder(context.store, spec.parent, context.environment))
    if tensors := changed_tensors(context.store, spec.parent):
        restore_encoder(model, encoder_state(model) | tensors)
    depth = len(layers(model))
    if spec.layer > depth:
        raise UserError(f"`align.layer: {spec.layer}`, but the encoder has {depth} layers")
    set_dropout(model, spec.train.dropout)
    if spec.train.gradient_checkpointing:
        checkpoint_layers(model)
    return cast(PreTrainedModel, model.to(context.environment.device))  # type: ignore[arg-type]


def _adapted(model: PreTrainedModel, layer: int) -> dict[str, Tensor]:
    """The weights that the adapters are merged into, by name; `layer` counts from 1."""
    names = {f"{name}.weight" for name in attention(model, layer - 1)}
    return {name: parameter.detach() for name, parameter in model.named_parameters() if name in names}


def _pairs(
    spec: AlignStage, data: Data, context: JobContext, tokenizer: PreTrainedTokenizerBase
) -> tuple[Pairs, Pairs]:
    """Those that are trained on, and those of the groups that are held out, which are the same in every language."""
    prefix = find_card(base_encoder(context.store, spec.parent).name).query_prefix or ""
    examples = cast(Sequence[Parallel], context.examples(data, spec.split))
    apart = [_rank(example.group) < spec.held_out for example in examples]
    if all(apart):
        raise DataError(
            f"task {data.task!r} has no pairs to train on in {data.language}, split {spec.split!r}",
            "lower `align.held_out`, or name another split",
        )

    def part(name: str, chosen: Sequence[Parallel]) -> Pairs:
        texts = [replace(e, text=prefix + e.text, english=prefix + e.english) for e in chosen]
        features = featurise("retrieval", texts, tokenizer, None, spec.train.max_length)
        return Pairs(language=data.language, part=name, features=features, groups=[_number(e.group) for e in chosen])

    return (
        part(TRAINED, [e for e, held in zip(examples, apart, strict=True) if not held]),
        part(HELD_OUT, [e for e, held in zip(examples, apart, strict=True) if held]),
    )


def _number(group: str) -> int:
    """The same for equal groups; 63 bits, so that a tensor holds it."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") >> 1


def _rank(group: str) -> float:
    """A place between 0 and 1 that only the group decides."""
    return _number(group) / 2**63


def _feed(found: Sequence[Pairs], tokenizer: PreTrainedTokenizerBase, device: str) -> PairInputs:
    return PairInputs(
        features=[feature for pairs in found for feature in pairs.features],
        groups=[group for pairs in found for group in pairs.groups],
        pad_id=cast(int, tokenizer.pad_token_id),
        device=device,
    )


def _measured(
    spec: AlignStage, model: PreTrainedModel, found: Sequence[Pairs], tokenizer: PreTrainedTokenizerBase, device: str
) -> list[tuple[_Place, ClosenessFacts]]:
    """One entry for each language, part of its pairs, and place: the trained layer, and the output."""
    places = {f"layer {spec.layer}": spec.layer, "output": len(layers(model))}
    rows = []
    for pairs in found:
        if not pairs.groups:
            continue
        vectors = embed(
            model,
            pairs.features[: 2 * MAX_MEASURED_PAIRS],
            cast(int, tokenizer.pad_token_id),
            layers=list(places.values()),
            poolings=("mean",),
            precision=spec.train.precision,
            device=device,
        )
        for place, layer in zip(places, vectors[0], strict=True):
            close = closeness(layer[0::2], layer[1::2], pairs.groups[:MAX_MEASURED_PAIRS])
            facts = ClosenessFacts(translations=close.translations, others=close.others, accuracy=close.accuracy)
            rows.append((_Place(pairs.language, pairs.part, place, close.pairs), facts))
    return rows
