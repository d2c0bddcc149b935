"""Run the benchmarks one after another. The slowest comparisons run on samples and say so in their output.

    python bench/all.py [names of benchmarks]

All output goes to the terminal. Results, one line of JSON each, are also written to `bench/results.jsonl`. The
seconds of each benchmark are printed at the end. A benchmark that fails does not stop the others.
"""

import json
import subprocess
import sys
from pathlib import Path

from harness import BENCH_DIR, Clock

BENCHMARKS = (
    "tool",
    "tokenise",
    "throughput",
    "mining",
    "encode",
    "evaluation",
    "growth",
    "graph",
    "finetune",
    "vocabulary",
    "episodes",
    "fewshot",
    "accuracy",
    "english_scores",
    "auto_regret",
    "accuracy_peers",
)
RESULTS = BENCH_DIR / "results.jsonl"


def main(names: tuple[str, ...] = BENCHMARKS) -> int:
    """Run the named benchmarks and return how many failed."""
    seconds: dict[str, float] = {}
    failed: list[str] = []
    with RESULTS.open("w", encoding="utf-8") as results:
        for name in names:
            with Clock() as clock:
                lines, code = _run(BENCH_DIR / f"{name}.py")
            seconds[name] = round(clock.seconds)
            failed += [name] * (code != 0)
            results.writelines(f"{line}\n" for line in lines)
            results.flush()
    print(f"\n{'benchmark':16}{'seconds':>10}")
    for name, duration in (seconds | {"all": sum(seconds.values())}).items():
        print(f"{name:16}{duration:10.0f}{'   failed' * (name in failed)}")
    print(f"\n{RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return len(failed)


def _run(script: Path) -> tuple[list[str], int]:
    """Run a script. Returns its results (lines of JSON) and its exit code."""
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        lines += [line.strip()] if _is_result(line) else []
    return lines, process.wait()


def _is_result(line: str) -> bool:
    try:
        value = json.loads(line)
    except ValueError:
        return False
    return isinstance(value, dict) and "bench" in value


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or BENCHMARKS) > 0)
