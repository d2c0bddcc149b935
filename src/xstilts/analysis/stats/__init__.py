"""Contrasts between arms with their uncertainty: paired, resampled by group, over seeds and draws, corrected."""

from xstilts.analysis.stats.cells import ArmItems, Cell, Terms
from xstilts.analysis.stats.contrast import LEVEL, Estimate, Part, arm_interval, cell_means, contrast, part, pooled
from xstilts.analysis.stats.families import Corrected, correct, holm, sentence

__all__ = [
    "LEVEL",
    "ArmItems",
    "Cell",
    "Corrected",
    "Estimate",
    "Part",
    "Terms",
    "arm_interval",
    "cell_means",
    "contrast",
    "correct",
    "holm",
    "part",
    "pooled",
    "sentence",
]
