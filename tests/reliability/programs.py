"""Two programs that the suite disturbs: a run with stub stages, and a run with real training."""

import os
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.own import write_recipe
from tests.reliability import stub
from tests.unit.planning import world

from xstilts.store.store import Store

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(ABC):
    """A command that fills the store below a folder, and can be run again there. It prints a line when it is ready."""

    name: str

    @abstractmethod
    def command(self, root: Path) -> Sequence[str]: ...

    @abstractmethod
    def results(self, root: Path) -> dict[str, object]:
        """The content of each artifact, by key."""

    def start(self, root: Path, output: IO[bytes]) -> "subprocess.Popen[bytes]":
        """The command in a session of its own; stdout and stderr go to `output`."""
        root.mkdir(parents=True, exist_ok=True)
        paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "src")])
        return subprocess.Popen(
            self.command(root),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=root,
            env=os.environ | {"PYTHONPATH": paths, "XSTILTS_CACHE": str(root / "cache"), "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )

    def finished(self, root: Path) -> set[str]:
        """The keys of the complete artifacts."""
        store = Store(root / "store")
        return set(filter(store.manifest, store.keys()))

    @abstractmethod
    def executed(self, root: Path, output: str) -> Sequence[str] | int:
        """The stages that the last run executed, or their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub(Program):
    name: str = "stub"
    workers: int = 2
    timeout: float | None = None

    def command(self, root: Path) -> Sequence[str]:
        arguments = f"Path({str(root)!r}), {self.workers}, {self.timeout}"
        main = f"from pathlib import Path; from tests.reliability.stub import main; main({arguments})"
        return [sys.executable, "-c", main]

    def results(self, root: Path) -> dict[str, object]:
        return dict(world.results(root))

    def executed(self, root: Path, output: str) -> Sequence[str]:
        path = root / "base" / stub.EXECUTED
        return [line.split()[0] for line in path.read_text().splitlines()] if path.is_file() else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Program):
    """`xstilts run` on a recipe with a tiny encoder."""

    recipe: Path
    name: str = "training"

    @classmethod
    def write(cls, folder: Path) -> "Training":
        folder.mkdir(parents=True)
        return cls(recipe=write_recipe(folder))

    def command(self, root: Path) -> Sequence[str]:
        settings = ["targets.rooms.train.steps=20", "fewshot.draws=3", "fewshot.methods=[lora,full]"]
        options = [option for setting in settings for option in ("--set", setting)]
        main = "from xstilts.cli import main; print('ready', flush=True); main()"
        return [sys.executable, "-c", main, "run", str(self.recipe), "--offline", "--workers", "1", *options]

    def results(self, root: Path) -> dict[str, object]:
        """The checksums of the files."""
        store = Store(root / "store")
        manifests = filter(None, map(store.manifest, store.keys()))
        return {manifest.key: {name: file.sha256 for name, file in manifest.files.items()} for manifest in manifests}

    def executed(self, root: Path, output: str) -> int:
        counts = re.findall(r"^([\d,]+) stages? run, ", output, re.MULTILINE)
        return int(counts[-1].replace(",", "")) if counts else -1
