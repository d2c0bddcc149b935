"""Scores of predictions: per-item statistics, and metrics that are functions of their sums. No torch."""

from xstilts.metrics.items import item_statistics, score_frame
from xstilts.metrics.metric import METRIC_NAMES, Metric, gold_classes, metric

__all__ = ["METRIC_NAMES", "Metric", "gold_classes", "item_statistics", "metric", "score_frame"]
