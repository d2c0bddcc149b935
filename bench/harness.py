"""What the benchmarks have in common: sides that run in processes of their own, in turns, and how they are told.

A side is a script that takes its settings as one JSON argument and prints a line of JSON with its measurements, such
as `seconds`, `accuracy` and `peak_mb`. Ours run in this environment, peers in one of their own (`peers.txt`).
"""

import hashlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PINS = HERE / "peers" / "requirements.txt"

Measured = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of those that are compared: `script` is run by `python` with `settings`."""

    name: str
    script: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    python: str = sys.executable

    def run(self) -> Measured:
        """Its last line of output. Raises RuntimeError with what it printed where it fails."""
        command = [self.python, str(self.script), json.dumps(self.settings)]
        threads = str(self.settings.get("threads", len(os.sched_getaffinity(0))))
        quiet = {"TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
        path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
        environment = os.environ | quiet | {"OMP_NUM_THREADS": threads, "PYTHONPATH": path}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise RuntimeError(f"{self.name} failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])


def peers(pins: Path = PINS) -> str:
    """The Python of the peers' environment, made once for each list of pins."""
    name = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "xstilts-peers" / name
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        print(f"installing the peers into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(pins)], check=True)
        (folder / "done").touch()
    return str(python)


def interleave(sides: Sequence[Side], rounds: int) -> dict[str, list[Measured]]:
    """Every side once in each round, so that what else the machine does meets all of them alike."""
    found: dict[str, list[Measured]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            measured = side.run()
            found[side.name].append(measured)
            print(f"round {number + 1}: {side.name:44} {_told(measured)}", file=sys.stderr)
    return found


def median(runs: Iterable[Measured], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def conclude(
    bench: str,
    against: str,
    runs: Mapping[str, Sequence[Measured]],
    *,
    ours: str,
    theirs: str,
    value: str = "seconds",
    **more: Any,
) -> float:
    """Print a table of medians, and as one line of JSON how many times `theirs` is `ours`."""
    firsts = [measured[0] for measured in runs.values()]
    names = [name for name in firsts[0] if all(isinstance(first.get(name), int | float) for first in firsts)]
    print(f"\n{bench:44}" + "".join(f"{name:>14}" for name in names))
    for side, measured in runs.items():
        print(f"{side:44}" + "".join(f"{median(measured, name):14.4g}" for name in names))
    ratio = median(runs[theirs], value) / median(runs[ours], value)
    memory = median(runs[ours], "peak_mb") / median(runs[theirs], "peak_mb") if "peak_mb" in names else None
    say(bench, against, ratio, runs, memory, **more)
    return ratio


def say(bench: str, against: str, ratio: float, runs: Any, memory_ratio: float | None = None, **more: Any) -> None:
    """The line of JSON that a benchmark ends with; a larger `ratio` is better, `memory_ratio` is None if unmeasured."""
    line = {"bench": bench, "against": against, "ratio": round(ratio, 3), "runs": runs}
    rounded = None if memory_ratio is None else round(memory_ratio, 3)
    print(json.dumps(line | {"memory_ratio": rounded} | more | {"machine": machine()}), flush=True)


def tell(**measured: Any) -> None:
    """What a side prints at its end, with its peak memory in MB."""
    print(json.dumps(measured | {"peak_mb": round(peak_mb())}), flush=True)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def asked() -> dict[str, Any] | None:
    """The settings of the side that this process is to be; None where the script is to compare."""
    return json.loads(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].startswith("{") else None


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


class Clock:
    """Seconds of a `with` block."""

    seconds: float

    def __enter__(self) -> "Clock":
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started


def _told(measured: Measured) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in measured.items() if isinstance(value, int | float))
