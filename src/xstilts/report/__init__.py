"""The report of a recipe: one self-contained HTML page."""

from xstilts.report.build import Summary, build

__all__ = ["Summary", "build"]
