"""k-nearest-neighbour classification of the states of a frozen encoder."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from xstilts.methods.frozen_states import FrozenStatesMethod, concatenate

if TYPE_CHECKING:
    from torch import Tensor

DECIMALS = 5
"""Cosines are rounded to this precision, far above float32 noise, so that ties are exact."""
MAX_COSINES = 1 << 24
"""Cosines in memory at once."""


class Knn(FrozenStatesMethod):
    """A vote of the nearest neighbours among the states of the English examples and the shots. Trains nothing."""

    method: Literal["knn"] = "knn"
    k: Annotated[int, Field(gt=0)] = 16
    """Number of neighbours. Examples that tie with the k-th neighbour vote too."""
    temperature: Annotated[float, Field(gt=0)] = 0.05
    """A vote has weight exp(cosine / temperature). A lower temperature favours the nearest neighbours."""

    label: ClassVar[str] = "kNN"
    linear: ClassVar[bool] = False
    explanation: ClassVar[str] = (
        "kNN trains nothing. The encoder stays as it is after English training; the nearest neighbours by cosine "
        "among the states of the English examples and the shots vote for their classes."
    )

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        """`vectors` [rows, width], of unit length, and `members` [rows, classes], one-hot."""
        from torch import nn

        vectors, labels = concatenate(shots, english)
        members = nn.functional.one_hot(labels, classes).bool()
        return {"vectors": nn.functional.normalize(vectors, dim=-1), "members": members}

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        """Log of each class's share of the votes, [..., classes], from states [..., width]."""
        import torch
        from torch import nn

        vectors, members = head["vectors"], head["members"].float()
        k, chunks = min(self.k, len(vectors)), []
        queries = nn.functional.normalize(states.reshape(-1, states.shape[-1]), dim=-1)
        for chunk in queries.split(max(1, MAX_COSINES // len(vectors))):
            cosines = (chunk @ vectors.T).round(decimals=DECIMALS)
            nearest = cosines.topk(k).values
            weights = ((cosines - nearest[:, :1]) / self.temperature).exp() * (cosines >= nearest[:, -1:])
            chunks.append((weights @ members) / weights.sum(-1, keepdim=True))
        shares = torch.cat(chunks).reshape(*states.shape[:-1], -1)
        return shares.clamp(min=1e-30).log()
