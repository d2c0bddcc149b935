"""Damaged files of every format: an error with the file's name or a result; no crash, hang or large memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from tests.reliability.options import Options
from tests.reliability.table import Tally
from tests.reliability.targets import Target, targets

_CHUNK = 5000
"""Cases of one process."""


def fuzz(options: Options) -> Iterator[Tally]:
    """A row for each format; `options.size` says how many cases it gets."""
    size = options.size
    sizes = {"text": size.text_files, "binary": size.binary_files, "task": size.task_files}
    with ThreadPoolExecutor(options.jobs) as threads:
        chunks: list[tuple[Target, int, Future[list[str]]]] = []
        for number, target in enumerate(targets().values()):
            total = sizes[target.kind] * options.times if options.target in ("", target.name) else 0
            for start in range(0, total, _CHUNK):
                count, seed = min(_CHUNK, total - start), options.seed + 1000 * number + start // _CHUNK
                future = threads.submit(_run, target, count, seed, options.folder / "fuzz")
                chunks.append((target, count, future))
        for name, parts in groupby(chunks, lambda chunk: chunk[0].name):
            tally = Tally(fault=f"damaged file: {name}")
            for _, count, future in parts:
                tally.cases += count
                tally.lost += future.result()
            yield tally


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
