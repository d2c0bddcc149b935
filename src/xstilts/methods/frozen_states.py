"""The base class of methods that fit a classifier to the states of a frozen encoder."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from xstilts.methods.method import Episode, FewshotMethod, Result, StatesClassifier
from xstilts.problems import Problem

if TYPE_CHECKING:
    from torch import Tensor

    from xstilts.methods.lda_settings import LdaSettings
    from xstilts.methods.leave_one_out import Rows


class FrozenStatesMethod(FewshotMethod):
    """Fits a classifier to the states of the English examples and the shots. The encoder stays frozen.

    For classification, the state of a text is the mean over its sub-words; for tagging, the state of a word is its
    first sub-word's. Subclasses implement `xstilts.methods.method.StatesClassifier`. The summary of the English
    examples is computed once for all languages and draws.
    """

    scope: ClassVar[str] = "classification and tagging of text"
    freezes_encoder: ClassVar[bool] = True
    takes_steps: ClassVar[bool] = False
    fits_english: ClassVar[bool] = True
    selects_on_english: ClassVar[bool] = False
    """Whether settings are selected on the English examples, with their groups."""
    linear: ClassVar[bool] = True
    """Whether the head is linear, with the tensors `weight` [classes, width] and `bias` [classes]."""

    def applies_to(self, problem: Problem[Any]) -> bool:
        return problem.has_classes

    def run(self, episode: Episode[Result]) -> Result:
        return episode.fit_head(self.classifier(episode.problem))

    def classifier(self, problem: Problem[Any]) -> StatesClassifier:
        """The classifier for a problem that the method applies to."""
        return self

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "tuple[Tensor, ...]":
        """All vectors [rows, width] and their class ids [rows]."""
        import torch

        vectors, labels = zip(*batches, strict=True)
        return torch.cat(vectors), torch.cat(labels)

    def select_on_english(self, rows: "Rows", classes: int) -> "tuple[Tensor, ...]":
        """The summary of the English examples, with settings that are selected on them."""
        return self.summarise([(rows.vectors, rows.labels)], classes)

    def mean_and_variance(self, summary: "tuple[Tensor, ...]") -> "tuple[Tensor, Tensor]":
        """Of all vectors of a summary, in float64: [width] each."""
        vectors = summary[0].double()
        return vectors.mean(0), vectors.var(0, correction=0)

    def with_language(
        self, english: "tuple[Tensor, ...]", shots: "tuple[Tensor, ...]", classes: int
    ) -> "tuple[Tensor, ...]":
        """The summary of the English examples together with the shots of another language than the scored one."""
        return concatenate(shots, english)

    def select(
        self, shots: "Rows", english: "tuple[Tensor, ...] | None", english_rows: "Callable[[], Rows]"
    ) -> "LdaSettings | None":
        """Settings selected by leaving out each shot with its group. `english` is the summary of all English examples;
        `english_rows` encodes those in a group of the shots. None to keep the method's own settings."""
        return None

    def with_settings(self, settings: "LdaSettings") -> "FrozenStatesMethod":
        """The method with selected settings."""
        return self

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        raise NotImplementedError

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        """Logits of a linear head with `weight` [classes, width] and `bias` [classes]."""
        from torch import nn

        return nn.functional.linear(states, head["weight"], head["bias"])


def concatenate(shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None") -> "tuple[Tensor, Tensor]":
    """Vectors and class ids of both sets, English examples first."""
    import torch

    summaries = [summary for summary in (english, shots) if summary is not None]
    vectors, labels = (torch.cat(tensors) for tensors in zip(*summaries, strict=True))
    return vectors, labels
