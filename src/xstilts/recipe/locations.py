"""The lines of a recipe's values, and the error that lists all issues in the order of the lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xstilts.errors import RecipeError
from xstilts.plurals import plural
from xstilts.recipe.issues import Issue, Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """The line of each value in the file, or its `--set` override."""

    file: str
    lines: Mapping[Path, int] = field(default_factory=dict)
    repeated: Mapping[Path, int] = field(default_factory=dict)
    """Line of the second occurrence of a key."""
    overrides: Mapping[Path, str] = field(default_factory=dict)

    def of(self, issue: Issue) -> tuple[int, str]:
        """The line (0 for an override) and the location as text, of the value or the innermost block that has one."""
        if issue.code == "duplicate-key":
            line = self.repeated[issue.path]
            return line, f"{self.file}:{line}"
        for end in range(len(issue.path), -1, -1):
            if override := self.overrides.get(issue.path[:end]):
                return 0, override
            if line := self.lines.get(issue.path[:end]):
                return line, f"{self.file}:{line}"
        return 1, self.file


def recipe_error(name: str, issues: Iterable[Issue], locations: Locations | None) -> RecipeError:
    """One error that lists every issue with its line, in the order of the file; with its path if there is no file."""
    unique = list(dict.fromkeys(issues))
    if locations is None:
        lines = [str(issue) for issue in unique]
    else:
        unique.sort(key=lambda issue: (*locations.of(issue), issue.text))
        lines = [f"{locations.of(issue)[1]}: {issue.text}" for issue in unique]
    head = f"recipe {name!r} has {plural(len(lines), 'error')}:"
    return RecipeError("\n  ".join([head, *lines]), "docs/recipes.md describes every key", unique)
