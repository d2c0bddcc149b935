"""Every benchmark, one after another; the longest sides are samples, and say so.

    python bench/all.py [names of benchmarks]

What they print goes to the terminal, their lines of JSON to `bench/results.jsonl` as well, with the seconds that each
benchmark took. One that fails stops no other.
"""

import json
import subprocess
import sys
from pathlib import Path

from harness import HERE, Clock

BENCHES = (
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
)
RESULTS = HERE / "results.jsonl"


def main(names: tuple[str, ...] = BENCHES) -> int:
    """How many of them failed."""
    seconds: dict[str, float] = {}
    failed: list[str] = []
    with RESULTS.open("w", encoding="utf-8") as results:
        for name in names:
            with Clock() as clock:
                lines, code = _run(HERE / f"{name}.py")
            seconds[name] = round(clock.seconds)
            failed += [name] * (code != 0)
            results.writelines(f"{line}\n" for line in lines)
            results.flush()
    print(f"\n{'benchmark':12}{'seconds':>10}")
    for name, spent in (seconds | {"all": sum(seconds.values())}).items():
        print(f"{name:12}{spent:10.0f}{'   failed' * (name in failed)}")
    print(f"\n{RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return len(failed)


def _run(script: Path) -> tuple[list[str], int]:
    """The lines of JSON that a script prints, and its exit code."""
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        lines += [line.strip()] if _is_result(line) else []
    return lines, process.wait()


def _is_result(line: str) -> bool:
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and "bench" in found


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or BENCHES) > 0)
