"""Values that stages recorded in addition to their scores, averaged over seeds, draws and languages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from xstilts.analysis.design import TaskDesign
from xstilts.analysis.results import ArmName
from xstilts.planning.stage import Cell
from xstilts.store.facts import ScoredFacts
from xstilts.store.store import Manifest

ReadFact = Callable[[str], float | None]
"""Maps an artifact key to a recorded value, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactMean:
    """`value` is None if nothing was recorded or artifacts are missing."""

    value: float | None
    missing: bool = False
    languages: int = 0
    """The number of languages that have a value."""


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """The recorded values of one task's artifacts."""

    design: TaskDesign
    cells: Sequence[Cell]
    manifests: Mapping[str, Manifest | None]

    @cached_property
    def by_arm(self) -> Mapping[tuple[ArmName, str], tuple[str, ...]]:
        """Artifact keys by arm and language."""
        artifacts: dict[tuple[ArmName, str], dict[str, None]] = {}
        for cell in self.cells:
            if cell.task == self.design.task.name:
                artifacts.setdefault((ArmName.of(cell), cell.language), {})[cell.artifact] = None
        return {arm_and_language: tuple(keys) for arm_and_language, keys in artifacts.items()}

    def keys(self, arm: ArmName) -> tuple[str, ...]:
        """Artifact keys of an arm in the headline languages."""
        return tuple(key for language in self.design.headline for key in self.by_arm.get((arm, language), ()))

    def scored(self, key: str) -> ScoredFacts | None:
        """The facts of an artifact with scores; None if it is not in the store."""
        manifest = self.manifests.get(key)
        return manifest.facts if manifest and isinstance(manifest.facts, ScoredFacts) else None

    def any_artifact(self, language: str) -> str | None:
        """Any artifact of a language in the store; all arms score the same items."""
        keys = (key for (_, other), arm_keys in self.by_arm.items() if other == language for key in arm_keys)
        return next((key for key in keys if self.manifests.get(key)), None)

    def mean(self, arm: ArmName, read: ReadFact) -> FactMean:
        """The mean over draws and seeds, then over the headline languages that have a value."""
        keys = self.keys(arm)
        if not keys or any(self.manifests.get(key) is None for key in keys):
            return FactMean(value=None, missing=bool(keys))
        means = []
        for language in self.design.headline:
            values = [value for key in self.by_arm.get((arm, language), ()) if (value := read(key)) is not None]
            means += [fmean(values)] if values else []
        return FactMean(value=fmean(means) if means else None, languages=len(means))
