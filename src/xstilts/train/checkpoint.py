"""Which checkpoint of a training run is kept: the last, the best on development data, or their average."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

Strategy = Literal["last", "best", "average"]


class CheckpointSelector:
    """Told of every step, it looks at the weights at `points` equally spaced steps, the last included.

    `best` needs `score`, higher is better; the earliest of equal scores wins; that of step 0, before any, counts where
    `start` is called. `average` is the plain mean of the checkpoints (Schmidt et al. 2023, arXiv 2305.16834).
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        steps: int,
        strategy: Strategy,
        points: int,
        score: Callable[[], float] | None = None,
    ) -> None:
        self.parameters = parameters
        self.steps = steps
        self.keeping = strategy
        self.points = {round(steps * point / points) for point in range(1, points + 1)} - {0}
        self.score = score
        self.curve: list[tuple[int, float]] = []
        self.kept: int = steps
        self._weights: dict[str, Tensor] = {}
        self._seen = 0

    def after(self, step: int) -> None:
        if self.keeping == "last" or step not in self.points:
            return
        if self.keeping == "average":
            self._average()
            return
        self._compare(step)

    def start(self) -> None:
        """Let the weights as they are be kept, if no step makes them better."""
        if self.keeping == "best":
            self._compare(0)

    def finish(self) -> None:
        """Put the kept weights into the model."""
        with torch.no_grad():
            for name, weight in self._weights.items():
                self.parameters[name].copy_(weight)

    def _compare(self, step: int) -> None:
        assert self.score is not None
        value = self.score()
        if not self.curve or value > max(known for _, known in self.curve):
            self.kept = step
            self._weights = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.curve.append((step, value))

    def _average(self) -> None:
        self._seen += 1
        for name, parameter in self.parameters.items():
            weight = self._weights.setdefault(name, torch.zeros_like(parameter))
            weight += (parameter.detach() - weight) / self._seen
