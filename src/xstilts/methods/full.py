"""Full fine-tuning on the shots."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Full(FewshotMethod):
    """Trains everything that `train` does not freeze."""

    method: Literal["full"] = "full"
    label: ClassVar[str] = ""
