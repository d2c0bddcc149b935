"""Sharing of one encoder between models, for multi-task training."""

from torch import nn

from xstilts.models.split import backbone, image_projector


def share_encoder(owner: nn.Module, other: nn.Module) -> None:
    """Let `other` use the encoder of `owner`, and its image projector if both have one. Each keeps its pooler, which
    belongs to the head."""
    source, target = backbone(owner), backbone(other)
    for name, child in source.named_children():
        if name != "pooler" and hasattr(target, name):
            setattr(target, name, child)
    if (projector := image_projector(owner)) is not None and image_projector(other) is not None:
        other.image = projector
