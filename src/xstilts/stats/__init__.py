"""Contrasts between arms with their uncertainty: paired, resampled by group, over seeds and draws, corrected."""

from xstilts.stats.cells import ArmItems, Cell, Terms
from xstilts.stats.contrast import Estimate, arm_interval, cell_means, contrast
from xstilts.stats.families import Corrected, correct, holm, sentence

__all__ = [
    "ArmItems",
    "Cell",
    "Corrected",
    "Estimate",
    "Terms",
    "arm_interval",
    "cell_means",
    "contrast",
    "correct",
    "holm",
    "sentence",
]
