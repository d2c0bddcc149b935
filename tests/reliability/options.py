"""How much the suite does."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Numbers of cases. Parts that try every write, file or byte have no number here."""

    stub_kills: int = 170
    training_kills: int = 30
    text_files: int = 20_000
    """For each text format."""
    binary_files: int = 2_000
    """For each binary format."""
    task_files: int = 500
    """For each benchmark task; the readers of its files are text formats."""
    stub_signals: int = 4
    """For each signal and receiver."""
    training_signals: int = 2
    stub_pairs: int = 10
    """Pairs of runners with stub stages, of each kind."""
    training_pairs: int = 2
    full_disks: int = 8
    """Sizes of a disk that is too small for a run with training."""
    write_step: int = 1
    """Each n-th operation of the small run fails, for each kind of fault."""
    byte_step: int = 101
    """Bytes between the points at which the disk of the small run is full."""
    damage_step: int = 1
    """Each n-th damage is tried."""
    training_damages: int = 6
    """Damaged files after which a run with training is repeated."""


CUT = Size(
    stub_kills=2,
    training_kills=0,
    text_files=0,
    binary_files=0,
    task_files=0,
    stub_signals=0,
    training_signals=0,
    stub_pairs=1,
    training_pairs=0,
    full_disks=0,
    write_step=3,
    byte_step=1999,
    damage_step=7,
    training_damages=0,
)
"""What `make test` runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    folder: Path
    """An empty folder for all files of the cases."""
    size: Size = Size()
    times: int = 1
    """Fuzzed files are this many times as many."""
    seed: int = 0
    jobs: int = 1
    """Cases at the same time."""
    target: str = ""
    """The only format to fuzz; empty = all."""
