"""Training on shots and English examples in turn."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Joint(FewshotMethod):
    """As `full`, with a step on English examples after each step on shots."""

    method: Literal["joint"] = "joint"
    label: ClassVar[str] = "joint with English"
    mixes_english: ClassVar[bool] = True
