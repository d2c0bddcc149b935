"""The encoder that an arm hands over, as a maker of vectors."""

from collections.abc import Sequence

from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.features import Feature
from xstilts.encoders import find_card
from xstilts.models.heads import encoder_state, load_backbone, restore_encoder
from xstilts.predict import embed
from xstilts.stages.artifacts import changed, facts_of, folder_of, tokenizer_in
from xstilts.stages.specs import ChooseLayerStage, MineStage, RetrieveStage
from xstilts.stages.workshop import Workshop

Tool = tuple[PreTrainedModel, PreTrainedTokenizerBase, str]
"""An encoder, its tokenizer, and the prefix that its texts were trained with."""


def tool_of(key: str, workshop: Workshop) -> Tool:
    def make() -> Tool:
        folder = folder_of(workshop.store, key, workshop.environment)
        model = load_backbone(folder)
        tensors = changed(workshop.store, key)
        if tensors:
            restore_encoder(model, encoder_state(model) | tensors)
        prefix = find_card(facts_of(workshop.store, key)["encoder"]).query_prefix or ""
        return model.to(workshop.environment.device), tokenizer_in(folder), prefix  # type: ignore[arg-type]

    return workshop.once(("encoder", key), make)


def layer_of(spec: RetrieveStage | MineStage, workshop: Workshop) -> int:
    return spec.layer if spec.layer is not None else facts_of(workshop.store, spec.chosen_by or "")["layer"]


def vectors_of(
    features: Sequence[Feature],
    tool: Tool,
    layers: Sequence[int],
    spec: RetrieveStage | MineStage | ChooseLayerStage,
    workshop: Workshop,
) -> Tensor:
    """[layers, features, hidden]"""
    model, tokenizer, _ = tool
    return embed(
        model,
        features,
        tokenizer.pad_token_id,  # type: ignore[arg-type]
        layers=layers,
        pooling=spec.pooling,
        precision=getattr(spec, "precision", "fp32"),
        device=workshop.environment.device,
    )
