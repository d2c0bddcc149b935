"""Links from each number to the artifacts that it was computed from, and a table of all artifacts."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts.analysis.names import ABSENT, MISSING, arm_name, language_name, seconds_name, short_key
from xstilts.analysis.results import ArmName
from xstilts.planning.specs import Spec
from xstilts.planning.stage import Cell
from xstilts.problems import ProblemName
from xstilts.report.components import Collapsible, Entry, Head, LinkLine, Listing, Row, Section, Table
from xstilts.store.store import Manifest, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageArtifacts:
    """The artifacts of one arm in one language; `anchor` is their HTML id."""

    anchor: str
    language: str
    artifacts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmArtifacts:
    anchor: str
    title: str
    languages: tuple[LanguageArtifacts, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """The link targets of all numbers."""

    arms: Mapping[tuple[str, ArmName], ArmArtifacts]

    @classmethod
    def of(cls, cells: Sequence[Cell], problems: Mapping[str, ProblemName]) -> "Provenance":
        """The artifacts of the cells, by task, arm and language, in the order of the cells. `problems` are by task."""
        keys: dict[tuple[str, ArmName], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
        for cell in cells:
            keys[cell.task, ArmName.of(cell)][cell.language][cell.artifact] = None
        arms = {}
        for number, ((task, arm), keys_by_language) in enumerate(keys.items()):
            languages = tuple(
                LanguageArtifacts(anchor=f"b-{number}-{index}", language=language, artifacts=tuple(artifacts))
                for index, (language, artifacts) in enumerate(keys_by_language.items())
            )
            title = f"{task}: {arm_name(arm, problems[task])}"
            arms[task, arm] = ArmArtifacts(anchor=f"b-{number}", title=title, languages=languages)
        return cls(arms)

    def link(self, task: str, arm: ArmName, language: str = "") -> str:
        """Link to the artifacts of an arm in one language or in all; if there is only one, to the artifact itself."""
        arm_artifacts = self.arms[task, arm]
        for entry in arm_artifacts.languages:
            if entry.language == language:
                return self.artifact_link(entry.artifacts[0]) if len(entry.artifacts) == 1 else f"#{entry.anchor}"
        return f"#{arm_artifacts.anchor}"

    def artifact_link(self, key: str) -> str:
        return f"#a-{short_key(key)}"

    def task_link(self, task: str) -> str:
        """Link to the first arm of a task; the other arms follow it on the page."""
        return next(f"#{artifacts.anchor}" for (name, _), artifacts in self.arms.items() if name == task)


def artifacts_section(provenance: Provenance) -> Section:
    """For each arm, the artifacts of each language."""
    lists = tuple(
        Listing(
            anchor=arm.anchor,
            title=arm.title,
            lines=tuple(
                LinkLine(
                    anchor=entry.anchor,
                    text=f"{language_name(entry.language)} ({entry.language})",
                    links=tuple((short_key(key), provenance.artifact_link(key)) for key in entry.artifacts),
                )
                for entry in arm.languages
            ),
        )
        for arm in provenance.arms.values()
    )
    return Section(
        anchor="artifacts",
        title="Artifacts behind the means",
        parts=(Collapsible(title="Artifacts by arm and language", parts=lists),),
    )


def artifact_table(
    stages: Mapping[str, Spec], manifests: Mapping[str, Manifest | None], store: Store, out: Path
) -> Table:
    """One row per stage in graph order, with a link to its folder relative to the page."""
    heads = (Head(text="digest", number=False), Head(text="stage", number=False), Head(text="inputs", number=False))
    rows = tuple(_row(stage, manifests[key], _relative(store.path(key), out)) for key, stage in stages.items())
    return Table(
        caption="All artifacts. A digest is the SHA-256 of a stage's settings, inputs, data and code version.",
        heads=((*heads, Head(text="time"), Head(text="peak memory")),),
        rows=rows,
    )


def _row(stage: Spec, manifest: Manifest | None, folder: str) -> Row:
    digest = Entry(text=short_key(stage.key), tooltip=stage.key, anchor=f"a-{short_key(stage.key)}", kind="head")
    inputs = Entry(text=", ".join(map(short_key, stage.inputs)) or ABSENT)
    if manifest is None:
        missing = Entry(text=MISSING, kind="missing")
        return Row(entries=(digest, Entry(text=stage.title), inputs, missing, Entry(text="", kind="absent")))
    return Row(
        entries=(
            digest,
            Entry(text=stage.title, href=folder, tooltip="folder in the store"),
            inputs,
            Entry(text=seconds_name(manifest.seconds), kind="number"),
            Entry(text=f"{manifest.peak_memory_mb:,.0f} MB", kind="number"),
        )
    )


def _relative(folder: Path, out: Path) -> str:
    return os.path.relpath(folder.resolve(), out.resolve().parent).replace(os.sep, "/") + "/"
