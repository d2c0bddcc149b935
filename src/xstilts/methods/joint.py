"""Fine-tuning that alternates between shots and English examples."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Joint(FewshotMethod):
    """Like `full`, with a step on English examples after each step on shots."""

    method: Literal["joint"] = "joint"
    label: ClassVar[str] = "joint with English"
    mixes_english: ClassVar[bool] = True
