"""Runs the suite and prints its table: `python -m tests.reliability [--times 10] [--only NAME] [--seed N]`."""

import argparse
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.reliability.damage import damage
from tests.reliability.full_disk import full_disks
from tests.reliability.fuzz import fuzz
from tests.reliability.kills import kills, signals
from tests.reliability.options import CUT, Options, Size
from tests.reliability.runners import runners
from tests.reliability.table import Tally, markdown, write_table
from tests.reliability.writes import every_byte, every_write

from xstilts.platform.hardware import usable_cores

PARTS: Mapping[str, Callable[[Options], Iterator[Tally]]] = {
    "kills": kills,
    "writes": every_write,
    "bytes": every_byte,
    "full-disks": full_disks,
    "damage": damage,
    "runners": runners,
    "signals": signals,
    "fuzz": fuzz,
}


def main() -> int:
    """The exit code: 1 if a case was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description="Disturb runs and damage files.")
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part; may be repeated")
    parser.add_argument("--format", default="", help="fuzz only this format, such as .parquet")
    parser.add_argument("--times", type=int, default=1, help="fuzz so many times as many files")
    parser.add_argument("--seed", type=int, default=0, help="of all random choices")
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="cases at the same time")
    parser.add_argument("--cut", action="store_true", help="the few cases of `make test`")
    parser.add_argument("--write", type=Path, help="a page with markers, such as docs/reliability.md, for the table")
    arguments = parser.parse_args()
    logging.getLogger("xstilts").setLevel(logging.CRITICAL)  # thousands of warnings on damaged files are intended
    started = time.monotonic()
    tallies: list[Tally] = []
    for name in arguments.only or PARTS:
        with tempfile.TemporaryDirectory(prefix=f"reliability-{name}-") as folder:
            options = Options(
                folder=Path(folder),
                size=CUT if arguments.cut else Size(),
                times=arguments.times,
                seed=arguments.seed,
                jobs=arguments.jobs,
                target=arguments.format,
            )
            tallies += _run(name, options, started)
    print(markdown(tallies))
    if arguments.write:
        write_table(arguments.write, tallies, keep=bool(arguments.only))
    return int(any(tally.lost for tally in tallies))


def _run(name: str, options: Options, started: float) -> list[Tally]:
    """The rows of a part, shown as soon as they are known. A part that fails itself is a lost case."""
    tallies: list[Tally] = []
    try:
        for tally in PARTS[name](options):
            tallies.append(tally)
            print(
                f"{time.monotonic() - started:6.0f} s  {tally.fault}: {tally.cases} cases", file=sys.stderr, flush=True
            )
            for problem in tally.lost:
                print(f"  lost: {problem}", file=sys.stderr, flush=True)
    except Exception:
        tallies.append(Tally(fault=f"{name}: the part fails", cases=1, lost=[traceback.format_exc()]))
        traceback.print_exc()
    return tallies


if __name__ == "__main__":
    sys.exit(main())
