"""Checkpoint selection: the last checkpoint, the best on development data, or the average of several."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

Strategy = Literal["last", "best", "average"]


class CheckpointSelector:
    """Selects among checkpoints at `points` equally spaced steps, including the last one; call `after_step` every step.

    `best` needs `score` (higher is better); the earliest of equal scores wins. Step 0 takes part if
    `consider_initial_weights` is called. `average` is the mean of the checkpoints (Schmidt et al. 2023,
    arXiv 2305.16834).
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        steps: int,
        strategy: Strategy,
        points: int,
        score: Callable[[], float] | None = None,
        patience: int | None = None,
    ) -> None:
        self.parameters = parameters
        self.steps = steps
        self.strategy = strategy
        self.points = {round(steps * point / points) for point in range(1, points + 1)} - {0}
        self.score = score
        self.patience = patience
        self.curve: list[tuple[int, float]] = []
        self.selected_step: int = steps
        self._weights: dict[str, Tensor] = {}
        self._averaged = 0

    def after_step(self, step: int) -> None:
        if self.strategy == "last" or step not in self.points:
            return
        if self.strategy == "average":
            self._average()
            return
        self._compare(step)

    @property
    def has_stopped_improving(self) -> bool:
        """Whether the last `patience` scores are not higher than the best one before them."""
        scores = [score for _, score in self.curve]
        return (
            self.patience is not None and bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= self.patience
        )

    def consider_initial_weights(self) -> None:
        """Make the initial weights a candidate, as step 0."""
        if self.strategy == "best":
            self._compare(0)

    def load_selected_weights(self) -> None:
        """Load the selected weights into the model."""
        with torch.no_grad():
            for name, weight in self._weights.items():
                self.parameters[name].copy_(weight)

    def _compare(self, step: int) -> None:
        assert self.score is not None
        value = self.score()
        best = max((score for _, score in self.curve), default=-math.inf)
        # of equal steps the last, whose learning rate was lowest; but not instead of the initial weights
        if value > best or (value == best and self.selected_step > 0):
            self.selected_step = step
            self._weights = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.curve.append((step, value))

    def _average(self) -> None:
        self._averaged += 1
        for name, parameter in self.parameters.items():
            weight = self._weights.setdefault(name, torch.zeros_like(parameter))
            weight += (parameter.detach() - weight) / self._averaged
