"""The environment of a worker, and the events that it sends. No torch here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xstilts.config.files import Partition, TaskFiles
from xstilts.data.corpora import Corpus
from xstilts.platform.progress import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a stage needs besides its spec. None of it changes a result."""

    store: Path
    cache: Path
    offline: bool
    device: str
    tasks: Mapping[str, TaskFiles]
    """Tasks that the recipe defines."""
    base: Path
    """Folder that paths of these tasks are relative to."""
    data_root: Path | None = None
    """Folder with the native files of benchmarks."""
    partition: Mapping[str, Partition] = field(default_factory=dict)
    """New splits, by task."""
    texts: Mapping[str, Corpus] = field(default_factory=dict)
    """Texts for masked-language modelling, by their fingerprint."""
    stage_timeout: float | None = None
    """Seconds after which the executor stops a stage; None = never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of one stage; `progress` has a `report`.

    A `warning` has a `message` only. It does not change the state of its stage.
    """

    key: str
    kind: Literal["started", "progress", "warning", "finished", "failed"]
    report: Report | None = None
    seconds: float = 0.0
    message: str = ""
    hint: str = ""


Emit = Callable[[Event], None]
