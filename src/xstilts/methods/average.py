"""Fine-tuning with checkpoint averaging."""

from typing import ClassVar, Literal

from xstilts.methods.method import FewshotMethod


class Average(FewshotMethod):
    """Like `full`, but averages ten checkpoints."""

    method: Literal["average"] = "average"
    label: ClassVar[str] = "averaged"
    checkpoint: ClassVar[Literal["last", "average"]] = "average"
