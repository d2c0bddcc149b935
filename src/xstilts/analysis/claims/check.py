"""A verdict on each claim of a paper, from the scores of a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xstilts.analysis.claims.evidence import PredicateResult
from xstilts.analysis.claims.judge import judge
from xstilts.analysis.claims.setting import TargetSetting, target_setting
from xstilts.analysis.claims.statements import Claim, ClaimPart, Statements
from xstilts.analysis.transfer import Transfer

Verdict = Literal["verified", "refuted", "consistent", "inconsistent", "inconclusive here", "not tested"]

_SAME_SETTING: Mapping[str, Verdict] = {"holds": "verified", "fails": "refuted"}
_OTHER_SETTING: Mapping[str, Verdict] = {"holds": "consistent", "fails": "inconsistent"}
_WORST_FIRST: tuple[Verdict, ...] = ("refuted", "inconsistent", "inconclusive here", "consistent", "verified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A difference in points with its 95% CI, not corrected for multiple comparisons."""

    what: str
    difference: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPart:
    """One part of a claim. `why` explains the verdict where the numbers alone do not; `deviations` lists how this
    setting differs from the paper's."""

    text: str
    published: tuple[str, ...]
    measured: tuple[Measured, ...]
    encoder: str
    settings: tuple[TargetSetting, ...]
    verdict: Verdict
    why: str
    deviations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedClaim:
    """A claim with the verdict on each part. The overall verdict is `not tested` if any part was not tested."""

    number: int
    text: str
    parts: tuple[CheckedPart, ...]
    verdict: Verdict


def check_claims(statements: Statements, transfer: Transfer) -> tuple[CheckedClaim, ...]:
    """Check every claim against the scores in the store."""
    return tuple(_check_claim(claim, statements, transfer) for claim in statements.claims)


def _check_claim(claim: Claim, statements: Statements, transfer: Transfer) -> CheckedClaim:
    parts = tuple(_checked_part(part, judge(part.predicate, transfer, statements), transfer) for part in claim.parts)
    verdict = _overall([part.verdict for part in parts])
    return CheckedClaim(number=claim.number, text=claim.text, parts=parts, verdict=verdict)


def _checked_part(part: ClaimPart, result: PredicateResult, transfer: Transfer) -> CheckedPart:
    measured = (
        Measured(
            what=what,
            difference=100 * estimate.value,
            low=100 * estimate.low,
            high=100 * estimate.high,
            seeds=estimate.seeds,
        )
        for what, estimate in result.measured.items()
    )
    return CheckedPart(
        text=part.text,
        published=tuple(map(str, part.published)) or ("not found",),
        measured=tuple(measured),
        encoder=transfer.recipe.encoder,
        settings=tuple(target_setting(transfer, task) for task in result.tasks),
        verdict=_verdict(result),
        why=result.why,
        deviations=result.deviations,
    )


def _verdict(result: PredicateResult) -> Verdict:
    """Only a run in the paper's own setting can verify or refute a claim."""
    if result.outcome == "untested":
        return "not tested"
    verdicts = _OTHER_SETTING if result.deviations else _SAME_SETTING
    return verdicts.get(result.outcome, "inconclusive here")


def _overall(verdicts: Sequence[Verdict]) -> Verdict:
    if "not tested" in verdicts:
        return "not tested"
    return next(verdict for verdict in _WORST_FIRST if verdict in verdicts)
