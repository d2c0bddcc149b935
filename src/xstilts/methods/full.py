"""Training on the shots of all that `train` does not freeze."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Full(FewshotMethod):
    """Trains all that `train` does not freeze."""

    method: Literal["full"] = "full"
    label: ClassVar[str] = ""
