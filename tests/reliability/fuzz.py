"""Damaged files of every format: an error with the file's name or a result; no crash, hang or large memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.reliability.options import Options
from tests.reliability.table import Tally
from tests.reliability.targets import Target, targets

_CHUNK = 5000
"""Cases of one process."""


def fuzz(options: Options) -> Iterator[Tally]:
    """A row for each kind of files; `options.size` says how many cases each format gets."""
    tallies: dict[str, Tally] = {}
    chunks: list[tuple[Target, int, int]] = []
    for number, target in enumerate(targets().values()):
        if options.target and target.name != options.target:
            continue
        count = options.size.text_files if target.kind == "text" else options.size.binary_files
        count *= options.times
        first_seed = options.seed + 1000 * number
        chunks += [
            (target, min(_CHUNK, count - start), first_seed + start // _CHUNK) for start in range(0, count, _CHUNK)
        ]
    with ThreadPoolExecutor(options.jobs) as threads:
        problems = threads.map(lambda chunk: _run(*chunk, options.folder / "fuzz"), chunks)
        for (target, count, _), found in zip(chunks, problems, strict=True):
            fault = f"damaged {target.name}"
            tally = tallies.setdefault(fault, Tally(fault=fault))
            tally.cases += count
            tally.lost += found
    yield from tallies.values()


def _run(target: Target, count: int, seed: int, parent: Path) -> list[str]:
    """The problems of so many cases. After the end of a process, another one continues with other cases."""
    problems: list[str] = []
    done = attempt = 0
    while done < count:
        folder = parent / f"{target.name.strip('.').replace(' ', '-')}-{seed}-{attempt}"
        folder.mkdir(parents=True)
        command = [target.name, str(count - done), str(seed + 7919 * attempt), str(folder)]
        process = subprocess.run(
            [sys.executable, "-m", "tests.reliability.fuzz_child", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | {"XSTILTS_CACHE": str(folder / "work" / "cache"), "POLARS_MAX_THREADS": "1"},
            check=False,
        )
        lines = (folder / "problems").read_text().splitlines() if (folder / "problems").is_file() else []
        found = [json.loads(line) for line in lines]
        problems += [f"{target.name}, case {one['case']}: {one['problem']}" for one in found]
        if process.returncode == 0:
            return problems
        if not (folder / "case").is_file():
            raise RuntimeError(f"the process for {target.name} does not start:\n{process.stderr.decode()[-2000:]}")
        cases, number = (folder / "case").read_text().split()
        if process.returncode != 3:  # its last case is not in the file
            hung = b"Timeout (" in process.stderr
            ending = "no answer for 10 seconds" if hung else f"the process ended with {process.returncode}"
            problems.append(f"{target.name}, case {number}: {ending}: {process.stderr.decode(errors='replace')[-300:]}")
        done, attempt = done + int(cases), attempt + 1
    return problems
