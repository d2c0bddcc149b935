"""What methods that train nothing have in common: a classifier of the states that the encoder gives."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from xstilts.methods.method import Episode, FewshotMethod, Result
from xstilts.problems import Problem

if TYPE_CHECKING:
    from torch import Tensor


class FrozenStatesMethod(FewshotMethod):
    """Fits a classifier to the states of the English examples and the shots together, and trains nothing.

    A state is the mean over the sub-words of a text for classes, that of a word's first sub-word for tags. `summarise`,
    `fit` and `scores` are as `xstilts.methods.method.StatesClassifier` says. The summary of the English examples is
    made once for all languages and draws.
    """

    scope: ClassVar[str] = "classification and tagging of text"
    freezes_encoder: ClassVar[bool] = True
    takes_steps: ClassVar[bool] = False
    fits_english: ClassVar[bool] = True

    def applies_to(self, problem: Problem[Any]) -> bool:
        return problem.classes

    def run(self, episode: Episode[Result]) -> Result:
        return episode.fit_head(self)

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "tuple[Tensor, ...]":
        """All vectors [rows, width] and their class numbers [rows]."""
        import torch

        vectors, labels = zip(*batches, strict=True)
        return torch.cat(vectors), torch.cat(labels)

    def fit(
        self, shots: "tuple[Tensor, ...]", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        raise NotImplementedError

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        """Of a linear head: `weight` [classes, width] and `bias` [classes]."""
        from torch import nn

        return nn.functional.linear(states, head["weight"], head["bias"])


def concatenate(shots: "tuple[Tensor, ...]", english: "tuple[Tensor, ...] | None") -> "tuple[Tensor, Tensor]":
    """The vectors and class numbers of both, English examples first."""
    import torch

    if english is None:
        return shots[0], shots[1]
    return torch.cat([english[0], shots[0]]), torch.cat([english[1], shots[1]])
