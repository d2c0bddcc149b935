"""Several models over one encoder, for training tasks together."""

from torch import nn

from xstilts.models.split import backbone, image_side


def share_encoder(owner: nn.Module, other: nn.Module) -> None:
    """Let `other` use the encoder of `owner`; each keeps its own pooler, which is part of its head.

    An image side is shared by those that have one.
    """
    source, target = backbone(owner), backbone(other)
    for name, child in source.named_children():
        if name != "pooler" and hasattr(target, name):
            setattr(target, name, child)
    if (side := image_side(owner)) is not None and image_side(other) is not None:
        other.image = side
