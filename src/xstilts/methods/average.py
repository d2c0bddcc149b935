"""Training that keeps the mean of several checkpoints."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Average(FewshotMethod):
    """As `full`, keeping the mean of ten checkpoints."""

    method: Literal["average"] = "average"
    label: ClassVar[str] = "averaged"
    checkpoint: ClassVar[Literal["last", "average"]] = "average"
