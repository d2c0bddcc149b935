"""stub"""

from collections.abc import Sequence

from torch import Tensor


class Gallery:
    channels: int

    def missing(self, references: Sequence[str]) -> dict[str, str]: ...  # type: ignore
    def tensor(self, references: Sequence[str]) -> Tensor: ...  # type: ignore
