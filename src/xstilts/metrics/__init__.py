"""Metrics that are functions of sums of per-item statistics. No torch."""

from xstilts.metrics.metric import METRIC_NAMES, Metric, gold_classes, metric

__all__ = ["METRIC_NAMES", "Metric", "gold_classes", "metric"]
