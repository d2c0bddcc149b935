"""Where a worker finds things, and what it tells while it works. No torch here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xstilts.config.recipe import Partition, TaskFiles
from xstilts.data.corpora import Corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """All that a stage needs beside its spec; none of it changes a result."""

    store: Path
    cache: Path
    offline: bool
    device: str
    tasks: Mapping[str, TaskFiles]
    """The recipe's own tasks."""
    base: Path
    """Folder that their files are relative to."""
    data_root: Path | None = None
    """Folder of benchmarks' own files."""
    partition: Mapping[str, Partition] = field(default_factory=dict)
    """Tasks whose splits are made anew."""
    texts: Mapping[str, Corpus] = field(default_factory=dict)
    """Texts for masked-language modelling, by their fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """News of one stage. `done` of `total` are its own steps (optimiser steps, or texts)."""

    key: str
    kind: Literal["started", "progress", "finished", "failed"]
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    message: str = ""
    hint: str = ""


Emit = Callable[[Event], None]
