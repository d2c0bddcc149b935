"""One result of a check of data."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from xstilts.errors import DataError, RowsError
from xstilts.plurals import plural

Severity = Literal["error", "warning"]
Code = Literal[
    "invalid-row",
    "invalid-texts",
    "invalid-translations",
    "untranslated",
    "repaired",
    "label-spelling",
    "different-labels",
    "new-labels",
    "learnt-labels",
    "absent-labels",
    "one-label",
    "no-labels",
    "no-examples",
    "too-few-shots",
    "duplicates",
    "too-long",
    "unpaired-translations",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in the data of a task that a user has to mend (`error`), or has to know (`warning`)."""

    code: Code
    severity: Severity
    task: str
    language: str = ""
    split: str = ""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.task, self.language, self.split) if part)
        return f"{where}: {self.message}"


def row_findings(
    errors: Iterable[DataError], code: Code, task: str, language: str = "", split: str = ""
) -> Iterator[Finding]:
    """Errors of rows, one finding for those that differ only in their row."""
    groups: dict[tuple[str, str], list[DataError]] = {}
    for error in errors:
        for one in error.errors if isinstance(error, RowsError) else (error,):
            groups.setdefault((one.message.partition(": ")[2], one.hint), []).append(one)
    for (_, hint), group in groups.items():
        more = f" (and {plural(len(group) - 1, 'row')} more)" if len(group) > 1 else ""
        message = f"{group[0].message}{more}"
        yield Finding(
            code=code, severity="error", task=task, language=language, split=split, message=message, hint=hint
        )


class InspectionError(DataError):
    """The data of a recipe cannot be used. `findings` has every error, the message the first ones."""

    SHOWN = 20

    def __init__(self, findings: Sequence[Finding]) -> None:
        shown = findings[: self.SHOWN]
        lines = [f"the data have {plural(len(findings), 'error')}:", *map(str, shown)]
        if len(findings) > self.SHOWN:
            lines.append(f"and {len(findings) - self.SHOWN} more")
        super().__init__("\n  ".join(lines), "\n  ".join(dict.fromkeys(f.hint for f in shown if f.hint)))
        self.findings = tuple(findings)


def require_no_errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The warnings. Raises InspectionError if there are errors."""
    findings = tuple(findings)
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise InspectionError(errors)
    return findings
