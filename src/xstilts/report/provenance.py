"""Which artifacts stand behind a number, and a table of all of them."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts.analysis.names import ABSENT, MISSING, arm_name, language_name, seconds_name, short
from xstilts.analysis.results import ArmName
from xstilts.planning.specs import Spec
from xstilts.planning.stage import Cell
from xstilts.report.components import Collapsible, Entry, Head, Line, Listing, Row, Section, Table
from xstilts.store.store import Manifest, Store

Place = tuple[str, ArmName, str]
"""Task, arm and language: where a mean over seeds and draws stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The artifacts of one arm in one language; `anchor` is where the page lists them."""

    anchor: str
    language: str
    artifacts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BehindArm:
    anchor: str
    title: str
    languages: tuple[Behind, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where each number leads to."""

    arms: Mapping[tuple[str, ArmName], BehindArm]

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> "Provenance":
        """The artifacts of the cells, by task, arm and language, in the order of the cells."""
        keys: dict[tuple[str, ArmName], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
        for cell in cells:
            keys[cell.task, ArmName.of(cell)][cell.language][cell.artifact] = None
        return cls({place: _behind(number, place, found) for number, (place, found) in enumerate(keys.items())})

    def link(self, task: str, arm: ArmName, language: str = "") -> str:
        """To the artifacts of an arm in one language or in all; to the artifact itself where it is one."""
        behind = self.arms[task, arm]
        for one in behind.languages:
            if one.language == language:
                return self.artifact_link(one.artifacts[0]) if len(one.artifacts) == 1 else f"#{one.anchor}"
        return f"#{behind.anchor}"

    def artifact_link(self, key: str) -> str:
        return f"#a-{short(key)}"

    def task_link(self, task: str) -> str:
        """To the first arm of a task, after which the others follow."""
        return next(f"#{behind.anchor}" for (name, _), behind in self.arms.items() if name == task)


def behind_section(provenance: Provenance) -> Section:
    """For each arm, the artifacts of each language."""
    lists = tuple(
        Listing(
            anchor=arm.anchor,
            title=arm.title,
            lines=tuple(
                Line(
                    anchor=one.anchor,
                    text=f"{language_name(one.language)} ({one.language})",
                    links=tuple((short(key), f"#a-{short(key)}") for key in one.artifacts),
                )
                for one in arm.languages
            ),
        )
        for arm in provenance.arms.values()
    )
    return Section(
        anchor="behind",
        title="Behind the means",
        parts=(Collapsible(title="Artifacts by arm and language", parts=lists),),
    )


def artifact_table(
    stages: Mapping[str, Spec], manifests: Mapping[str, Manifest | None], store: Store, out: Path
) -> Table:
    """One row per stage, in the order of the graph, with a link to its folder relative to the page."""
    heads = (Head(text="digest", number=False), Head(text="what it is", number=False), Head(text="from", number=False))
    rows = tuple(_row(stage, manifests[key], _relative(store.path(key), out)) for key, stage in stages.items())
    return Table(
        caption="Every artifact. Its digest is the sha256 of its settings, inputs and data, and the epoch of its code.",
        heads=((*heads, Head(text="time"), Head(text="peak memory")),),
        rows=rows,
    )


def _row(stage: Spec, manifest: Manifest | None, folder: str) -> Row:
    digest = Entry(text=short(stage.key), hint=stage.key, anchor=f"a-{short(stage.key)}", kind="head")
    parents = Entry(text=", ".join(short(key) for key in stage.inputs) or ABSENT)
    what = Entry(text=stage.title)
    if manifest is None:
        gone = Entry(text=MISSING, kind="missing")
        return Row(entries=(digest, what, parents, gone, Entry(text="", kind="absent")))
    memory = f"{manifest.peak_memory_mb:,.0f} MB"
    return Row(
        entries=(
            digest,
            Entry(text=stage.title, href=folder, hint="its folder in the store"),
            parents,
            Entry(text=seconds_name(manifest.seconds), kind="number"),
            Entry(text=memory, kind="number"),
        )
    )


def _relative(folder: Path, out: Path) -> str:
    return os.path.relpath(folder.resolve(), out.resolve().parent).replace(os.sep, "/") + "/"


def _behind(number: int, place: tuple[str, ArmName], found: Mapping[str, Mapping[str, None]]) -> BehindArm:
    task, arm = place
    languages = tuple(
        Behind(anchor=f"b-{number}-{index}", language=language, artifacts=tuple(keys))
        for index, (language, keys) in enumerate(found.items())
    )
    return BehindArm(anchor=f"b-{number}", title=f"{task}: {arm_name(arm)}", languages=languages)
