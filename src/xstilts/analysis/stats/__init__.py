"""Contrasts between arms: paired over items, with confidence intervals over seeds, draws and items, Holm-corrected."""

from xstilts.analysis.stats.contrast import (
    LEVEL,
    Estimate,
    TaskContrast,
    arm_interval,
    cell_means,
    contrast,
    pooled,
    task_contrast,
)
from xstilts.analysis.stats.families import Corrected, correct, holm, sentence
from xstilts.analysis.stats.resampling import ArmItems, SeedDraw, Terms

__all__ = [
    "LEVEL",
    "ArmItems",
    "Corrected",
    "Estimate",
    "SeedDraw",
    "TaskContrast",
    "Terms",
    "arm_interval",
    "cell_means",
    "contrast",
    "correct",
    "holm",
    "pooled",
    "sentence",
    "task_contrast",
]
