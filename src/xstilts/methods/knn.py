"""A vote of the nearest neighbours among the states of an encoder."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from xstilts.methods.frozen_states import FrozenStatesMethod, concatenate

if TYPE_CHECKING:
    from torch import Tensor

DECIMALS = 5
"""Cosines are rounded to so many, far above the noise of float32: texts that are equally near count as equally near."""
MOST_COSINES = 1 << 24
"""Cosines in memory at once."""


class Knn(FrozenStatesMethod):
    """A vote of the nearest neighbours among the states of the English examples and the shots. Trains nothing."""

    method: Literal["knn"] = "knn"
    k: Annotated[int, Field(gt=0)] = 16
    """Neighbours that vote. All that are as near as the last of them vote too."""
    temperature: Annotated[float, Field(gt=0)] = 0.05
    """A neighbour's vote weighs exp(cosine / temperature): the smaller, the more the nearest decides."""

    label: ClassVar[str] = "kNN"
    explanation: ClassVar[str] = (
        "kNN trains nothing: the nearest neighbours by cosine among the states that the encoder gives after English "
        "training, of the English examples and the shots together, vote for their classes."
    )

    def fit(
        self, shots: "tuple[Tensor, ...]", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        """The neighbours: `vectors` [rows, width] of length one, and `members` [rows, classes], true at the class."""
        from torch import nn

        vectors, labels = concatenate(shots, english)
        members = nn.functional.one_hot(labels, classes).bool()
        return {"vectors": nn.functional.normalize(vectors, dim=-1), "members": members}

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        """Logarithms of the classes' shares of the vote."""
        import torch
        from torch import nn

        vectors, members = head["vectors"], head["members"].float()
        k, found = min(self.k, len(vectors)), []
        queries = nn.functional.normalize(states.reshape(-1, states.shape[-1]), dim=-1)
        for part in queries.split(max(1, MOST_COSINES // len(vectors))):
            cosines = (part @ vectors.T).round(decimals=DECIMALS)
            nearest = cosines.topk(k).values
            weights = ((cosines - nearest[:, :1]) / self.temperature).exp() * (cosines >= nearest[:, -1:])
            found.append((weights @ members) / weights.sum(-1, keepdim=True))
        shares = torch.cat(found).reshape(*states.shape[:-1], -1)
        return shares.clamp(min=1e-30).log()
