"""The command claims: checks the statements of a paper."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from xstilts.cli.options import STORE, Json, Overrides, RecordedRecipe, StoreDir, print_json

if TYPE_CHECKING:
    from xstilts.analysis.claims import CheckedClaim, CheckedPart


def claims(
    recipe: RecordedRecipe = None,
    /,
    *,
    statements: Annotated[str, Parameter(help="Name of the statements.")] = "phang2020",
    store: StoreDir = STORE,
    overrides: Overrides = (),
    json: Json = False,
) -> None:
    """Check the statements of a paper against the scores: published and measured values, and a verdict for each."""
    from xstilts.api import results as api

    checked = api.check_claims(recipe, store=store, overrides=overrides, statements=statements)
    if json:
        return print_json([asdict(claim) for claim in checked])
    for claim in checked:
        print("\n".join(_lines(claim)) + "\n")
    counts = Counter(claim.verdict for claim in checked)
    return print("; ".join(f"{number} {verdict}" for verdict, number in counts.most_common()))


def _lines(claim: "CheckedClaim") -> Iterator[str]:
    yield f"{claim.number}. {claim.text}"
    for part in claim.parts:
        if len(claim.parts) > 1:
            yield f"   - {part.text}"
        yield from (f"     {name:9}  {text}" for name, text in _facts(part))
    if len(claim.parts) > 1:
        yield f"   as a whole: {claim.verdict}"


def _facts(part: "CheckedPart") -> Iterator[tuple[str, str]]:
    from xstilts.analysis.claims import describe_settings

    yield from (("published", text) for text in part.published)
    for result in part.measured:
        interval = f"95% interval {result.low:+.1f} to {result.high:+.1f}"
        yield "measured", f"{result.difference:+.1f} points ({interval}; seeds: {result.seeds}): {result.what}"
    if part.settings:
        yield "on", f"{part.encoder}; {describe_settings(part.settings)}"
    yield "verdict", part.verdict + (f": {part.why}" if part.why else "")
    if part.deviations and part.verdict != "not tested":
        yield "differs", "from the paper: " + "; ".join(part.deviations)
