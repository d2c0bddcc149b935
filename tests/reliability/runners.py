"""Two runs on one store at the same time, undisturbed or with one of them killed."""

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.reliability.disturb import Undisturbed, kill_session, problem_after, read, wait
from tests.reliability.options import Options
from tests.reliability.programs import Program, Stub, Training
from tests.reliability.table import Tally

from xstilts.errors import UserError
from xstilts.store.gc import collect
from xstilts.store.store import Store
from xstilts.store.verify import verify


def runners(options: Options) -> Iterator[Tally]:
    """Two runners share the work; one goes on when the other is killed; `gc` and `verify` disturb none."""
    size = options.size
    programs: list[tuple[Program, int]] = [(Stub(), size.stub_pairs)]
    if size.training_pairs:
        programs.append((Training.write(options.folder / "recipe"), size.training_pairs))
    for program, count in programs:
        base = options.folder / f"runners-{program.name}"
        undisturbed = Undisturbed.measure(program, base / "undisturbed")
        for killed in (False, True):
            what = ", one killed" if killed else ", with gc and verify"
            tally = Tally(fault=f"two runners{what}, {program.name}")

            def one(number: int, killed: bool = killed) -> str | None:
                generator = random.Random(f"{options.seed} {program.name} {killed} {number}")  # noqa: B023
                return _pair(program, base / f"{killed}-{number}", undisturbed, generator, killed)  # noqa: B023

            with ThreadPoolExecutor(options.jobs) as threads:
                for problem in threads.map(one, range(count)):
                    tally.count(problem)
            yield tally


def _pair(program: Program, root: Path, undisturbed: Undisturbed, generator: random.Random, killed: bool) -> str | None:
    moment = generator.uniform(0, undisturbed.seconds)
    with tempfile.TemporaryFile() as first_output, tempfile.TemporaryFile() as second_output:
        first = program.start(root, first_output)
        time.sleep(generator.uniform(0, undisturbed.seconds / 2))
        second = program.start(root, second_output)
        if killed:
            time.sleep(moment)
            kill_session(first)
        else:
            while second.poll() is None:
                if damaged := verify(Store(root / "store")).damaged:
                    return f"verify finds damage in a store at work: {damaged}"
                try:
                    collect(Store(root / "store"), tuple(undisturbed.results), dry_run=False)
                except UserError:  # a run is working there
                    time.sleep(0.05)
        codes = [wait(first), wait(second)]
        texts = [read(first_output), read(second_output)]
    allowed = (0, -9) if killed else (0,)
    if codes[1] != 0 or codes[0] not in allowed or "Traceback" in "".join(texts):
        return f"{root.name}: exit codes {codes}\n{texts[0][-500:]}\n{texts[1][-500:]}"
    if program.results(root) != undisturbed.results:
        return f"{root.name}: the results differ from those of one run"
    counts = [program.executed(root, text) for text in texts]
    if isinstance(counts[1], int):
        repeated = 0 if killed else sum(counts) - len(undisturbed.results)  # pyright: ignore[reportArgumentType]
    else:
        repeated = sum(count - 1 for count in Counter(counts[1]).values())
    if repeated > (2 if killed else 0):  # the stages of the killed workers
        return f"{root.name}: {repeated} stages ran twice"
    problem = problem_after(program, root, undisturbed)
    if problem is None:
        shutil.rmtree(root)
    return problem and f"{root.name}: {problem}"
