"""Fine-tuning of the head only."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Head(FewshotMethod):
    """Trains the head on a frozen encoder."""

    method: Literal["head"] = "head"
    label: ClassVar[str] = "head only"
    freezes_encoder: ClassVar[bool] = True
    batches_episodes: ClassVar[bool] = True
