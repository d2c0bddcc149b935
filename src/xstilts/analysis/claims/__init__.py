"""Claims of a paper, checked against the scores of a recipe."""

from xstilts.analysis.claims.check import CheckedClaim, CheckedPart, check_claims
from xstilts.analysis.claims.setting import describe_settings
from xstilts.analysis.claims.statements import Statements, load_statements, shipped_statements

__all__ = [
    "CheckedClaim",
    "CheckedPart",
    "Statements",
    "check_claims",
    "describe_settings",
    "load_statements",
    "shipped_statements",
]
