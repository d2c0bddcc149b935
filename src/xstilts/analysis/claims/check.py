"""Each statement beside what a recipe's scores say of it, with a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xstilts.analysis.claims.judge import judge
from xstilts.analysis.claims.lab import Finding
from xstilts.analysis.claims.setting import Place, place_of
from xstilts.analysis.claims.statements import Claim, Part, Statements
from xstilts.analysis.transfer import Transfer

Verdict = Literal["verified", "refuted", "consistent", "inconsistent", "inconclusive here", "not tested"]

_OFFICIAL: Mapping[str, Verdict] = {"holds": "verified", "fails": "refuted"}
_ELSEWHERE: Mapping[str, Verdict] = {"holds": "consistent", "fails": "inconsistent"}
_WORST_FIRST: tuple[Verdict, ...] = ("refuted", "inconsistent", "inconclusive here", "consistent", "verified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A difference in points, with its 95% interval. Not corrected for how many there are."""

    what: str
    difference: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPart:
    """`why` explains what the numbers alone do not; `lacks` is what the paper's own setting has beside this one."""

    text: str
    published: tuple[str, ...]
    measured: tuple[Measured, ...]
    encoder: str
    places: tuple[Place, ...]
    verdict: Verdict
    why: str
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A statement with the verdict of each part; of the whole only where every part was tested."""

    number: int
    text: str
    parts: tuple[CheckedPart, ...]
    verdict: Verdict


def check(statements: Statements, transfer: Transfer) -> tuple[Checked, ...]:
    """Every statement against the scores that the store holds. A publication alone verifies nothing."""
    return tuple(_checked(claim, statements, transfer) for claim in statements.claims)


def _checked(claim: Claim, statements: Statements, transfer: Transfer) -> Checked:
    parts = tuple(_part(part, judge(part.predicate, transfer, statements), transfer) for part in claim.parts)
    return Checked(
        number=claim.number, text=claim.text, parts=parts, verdict=_overall([part.verdict for part in parts])
    )


def _part(part: Part, finding: Finding, transfer: Transfer) -> CheckedPart:
    measured = (
        Measured(
            what=what,
            difference=100 * found.value,
            low=100 * found.low,
            high=100 * found.high,
            seeds=found.seeds,
        )
        for what, found in finding.measured.items()
    )
    return CheckedPart(
        text=part.text,
        published=tuple(map(str, part.published)) or ("not found",),
        measured=tuple(measured),
        encoder=transfer.recipe.encoder,
        places=tuple(place_of(transfer, task) for task in finding.tasks),
        verdict=_verdict(finding),
        why=finding.why,
        lacks=finding.lacks,
    )


def _verdict(finding: Finding) -> Verdict:
    """Only the paper's own setting can verify or refute."""
    if finding.outcome == "untested":
        return "not tested"
    named = _ELSEWHERE if finding.lacks else _OFFICIAL
    return named.get(finding.outcome, "inconclusive here")


def _overall(verdicts: Sequence[Verdict]) -> Verdict:
    if "not tested" in verdicts:
        return "not tested"
    return next(verdict for verdict in _WORST_FIRST if verdict in verdicts)
