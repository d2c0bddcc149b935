"""Shared by all benchmarks: runs each side of a comparison in a process of its own and reports the results.

A side is a script that takes its settings as one JSON argument and prints its measurements (such as `seconds`,
`accuracy` and `peak_mb`) as the last line of its output, in JSON. Our sides run in this environment; peers run in a
separate one, built from `peers/requirements.txt`.
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

BENCH_DIR = Path(__file__).parent
REQUIREMENTS = BENCH_DIR / "peers" / "requirements.txt"

JsonDict = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: `python` runs `script` with `settings`."""

    name: str
    script: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    python: str = sys.executable

    def run(self) -> JsonDict:
        """Run the script and return its measurements. Raises RuntimeError with its output if it fails."""
        command = [self.python, str(self.script), json.dumps(self.settings)]
        threads = str(self.settings.get("threads", len(os.sched_getaffinity(0))))
        path = os.pathsep.join(filter(None, (str(BENCH_DIR), os.environ.get("PYTHONPATH"))))
        variables = {
            "TOKENIZERS_PARALLELISM": "true",
            "HF_HUB_OFFLINE": "1",
            "TQDM_DISABLE": "1",
            "OMP_NUM_THREADS": threads,
            "PYTHONPATH": path,
        }
        process = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables)
        if process.returncode:
            raise RuntimeError(f"{self.name} failed:\n{process.stdout[-1000:]}\n{process.stderr[-3000:]}")
        return json.loads(process.stdout.strip().splitlines()[-1])


def peer_python(requirements: Path = REQUIREMENTS) -> str:
    """The Python of the peers' virtual environment. One environment is created per requirements file and reused."""
    name = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "xstilts-peers" / name
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        print(f"installing the peers into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(requirements)], check=True)
        (folder / "done").touch()
    return str(python)


def interleave(sides: Sequence[Side], rounds: int) -> dict[str, list[JsonDict]]:
    """Run every side once per round, so that other load on the machine affects all of them alike."""
    runs: dict[str, list[JsonDict]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            run = side.run()
            runs[side.name].append(run)
            numbers = (f"{name} {value:.4g}" for name, value in run.items() if isinstance(value, int | float))
            print(f"round {number + 1}: {side.name:44} {'  '.join(numbers)}", file=sys.stderr)
    return runs


def median(runs: Iterable[JsonDict], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def report_comparison(
    bench: str,
    baseline: str,
    runs: Mapping[str, Sequence[JsonDict]],
    *,
    ours: str,
    theirs: str,
    value: str = "seconds",
    **extra: Any,
) -> float:
    """Print a table of medians and the result as one line of JSON. Returns the median `value` of theirs over ours."""
    first_runs = [side_runs[0] for side_runs in runs.values()]
    names = [name for name in first_runs[0] if all(isinstance(run.get(name), int | float) for run in first_runs)]
    print(f"\n{bench:44}" + "".join(f"{name:>18}" for name in names))
    for side, side_runs in runs.items():
        print(f"{side:44}" + "".join(f"{median(side_runs, name):18.4g}" for name in names))
    ratio = median(runs[theirs], value) / median(runs[ours], value)
    memory = median(runs[ours], "peak_mb") / median(runs[theirs], "peak_mb") if "peak_mb" in names else None
    print_result(bench, baseline, ratio, runs, memory, **extra)
    return ratio


def print_result(
    bench: str, baseline: str, ratio: float, runs: Any, memory_ratio: float | None = None, **extra: Any
) -> None:
    """Print the result of a benchmark as one line of JSON.

    A larger `ratio` is better; `memory_ratio` is ours over theirs, None if not measured.
    """
    result = {"bench": bench, "baseline": baseline, "ratio": round(ratio, 3), "runs": runs}
    rounded = None if memory_ratio is None else round(memory_ratio, 3)
    print(json.dumps(result | {"memory_ratio": rounded} | extra | {"machine": machine()}), flush=True)


def print_measurements(**measurements: Any) -> None:
    """Print the measurements of a side and its peak memory in MB. Called once, at the end of its process."""
    print(json.dumps(measurements | {"peak_mb": round(peak_mb())}), flush=True)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def side_settings() -> JsonDict | None:
    """The settings if this process runs one side; None if it runs the whole comparison."""
    return json.loads(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].startswith("{") else None


def machine() -> str:
    """The processor's name and the number of cores available to this process."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


class Clock:
    """Wall-clock seconds of a `with` block."""

    seconds: float

    def __enter__(self) -> "Clock":
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
