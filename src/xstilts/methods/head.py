"""Training of the head alone."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Head(FewshotMethod):
    """Trains what is above the encoder."""

    method: Literal["head"] = "head"
    label: ClassVar[str] = "head only"
    freezes_encoder: ClassVar[bool] = True
    batches_episodes: ClassVar[bool] = True
