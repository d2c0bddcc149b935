"""A fitted model in the form that exports of trained artifacts take."""

from typing import cast

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from xstilts.fitting.model import FittedModel
from xstilts.stages.artifacts import LoadedModel


def loaded_model(model: FittedModel) -> LoadedModel:
    """The encoder with its head, and its labels in the encoder's configuration."""
    facts, encoder = model.facts, model.states.encoder
    encoder.config.id2label = dict(enumerate(facts.labels))
    encoder.config.label2id = {label: number for number, label in enumerate(facts.labels)}
    return LoadedModel(
        model=cast(PreTrainedModel, model.torch_model),
        tokenizer=cast(PreTrainedTokenizerFast, model.states.tokenizer),
        problem=facts.problem,
        labels=facts.labels,
        task="",
        max_length=facts.windows.tokens,
        precision=facts.precision,
    )
