"""One self-contained page that says what a recipe found."""

from xstilts.report.build import Summary, build

__all__ = ["Summary", "build"]
