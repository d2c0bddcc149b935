"""Statements of a paper, checked against the scores of a recipe."""

from xstilts.analysis.claims.check import Checked, CheckedPart, check
from xstilts.analysis.claims.setting import in_words
from xstilts.analysis.claims.statements import Statements, load_statements, shipped_statements

__all__ = ["Checked", "CheckedPart", "Statements", "check", "in_words", "load_statements", "shipped_statements"]
