"""What stages recorded beside their scores, as means over seeds, draws and languages like the scores themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from xstilts.analysis.design import TaskDesign
from xstilts.analysis.results import ArmName
from xstilts.planning.stage import Cell
from xstilts.store.facts import ScoredFacts
from xstilts.store.store import Manifest

Read = Callable[[str], float | None]
"""From an artifact to a value that it recorded, if it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """`value` is None where nothing was recorded, or where artifacts are missing."""

    value: float | None
    missing: bool = False
    languages: int = 0
    """Those that have a value."""


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """The artifacts of one task."""

    design: TaskDesign
    cells: Sequence[Cell]
    manifests: Mapping[str, Manifest | None]

    @cached_property
    def by_arm(self) -> Mapping[tuple[ArmName, str], tuple[str, ...]]:
        """Keys of the artifacts by arm and language."""
        found: dict[tuple[ArmName, str], dict[str, None]] = {}
        for cell in self.cells:
            if cell.task == self.design.task.name:
                found.setdefault((ArmName.of(cell), cell.language), {})[cell.artifact] = None
        return {place: tuple(keys) for place, keys in found.items()}

    def keys(self, arm: ArmName) -> tuple[str, ...]:
        """Artifacts of an arm in the headline languages."""
        return tuple(key for language in self.design.headline for key in self.by_arm.get((arm, language), ()))

    def scored(self, key: str) -> ScoredFacts | None:
        """The facts of an artifact with scores, where it is there."""
        manifest = self.manifests.get(key)
        return manifest.facts if manifest and isinstance(manifest.facts, ScoredFacts) else None

    def any_of(self, language: str) -> str | None:
        """An artifact that is there, of whatever arm: all score the same items of a language."""
        keys = (key for (_, own), found in self.by_arm.items() if own == language for key in found)
        return next((key for key in keys if self.manifests.get(key)), None)

    def mean(self, arm: ArmName, read: Read) -> Average:
        """Over draws and seeds, then over those headline languages that have a value."""
        keys = self.keys(arm)
        if not keys or any(self.manifests.get(key) is None for key in keys):
            return Average(value=None, missing=bool(keys))
        found = []
        for language in self.design.headline:
            values = [value for key in self.by_arm.get((arm, language), ()) if (value := read(key)) is not None]
            found += [fmean(values)] if values else []
        return Average(value=fmean(found) if found else None, languages=len(found))
