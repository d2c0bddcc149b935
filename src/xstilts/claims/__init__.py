"""Statements of a paper, checked against the scores of a recipe."""

from xstilts.claims.check import Checked, CheckedPart, check
from xstilts.claims.setting import in_words
from xstilts.claims.statements import Statements, load_statements, shipped_statements

__all__ = ["Checked", "CheckedPart", "Statements", "check", "in_words", "load_statements", "shipped_statements"]
