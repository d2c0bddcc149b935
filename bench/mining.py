"""Exact mining of 384-dimensional vectors in fp32, against faiss' IndexFlatIP.

    python bench/mining.py [rows of the margin] [queries of the search] [rounds] [threads]

Two things are timed. The margin: `rows` foreign vectors and as many English ones, the four nearest of both sides and
the ratio margin, as `xstilts.models.mining.candidates` does it in one pass and as two searches of faiss and NumPy
do it. The search: a sample of queries in 200,000 vectors, one direction, where both do the same arithmetic.
200,000 x 200,000 takes too long for a default; `python bench/mining.py 200000` runs it, and nothing here is
extrapolated to it.

`share` is the rate of the products that had to be done (2 x rows x rows x 384) over that of `torch.mm` alone, in the
best of three shapes, before and after in the same process. The vectors are random; an English one is its foreign one
with noise, so that there is something to find. `same` is the share of rows in which both sides agree. With one
thread, seconds of the processor are compared, which other processes disturb less.

Prediction: faiss searches at three quarters of the rate of torch.mm; the maxima of the groups and the merging cost a
fifth of the products while many rows still rise, and less the larger the sides are. So the search takes as long as
faiss', the margin half as long, at a share of 0.8.

Measured with `24000 2000 1 1` (one round, one thread, seconds of an AMD EPYC's processor that other work kept busy):
the margin 6.67 against 10.46, 1.57 times as fast, at a share of 0.72; 48,000 x 48,000, ours alone, at 0.78. The search
3.78 against 3.36, so it is slower, 0.89 times, at a share of 0.89. All rows agreed. Both fall short of the prediction:
with one thread faiss reaches the rate of torch.mm, and in few blocks most rows still rise. Memory of the margin: 487
MB against 212 without torch. With two threads beside several other processes, one round by the clock, the making of
faiss' indices included: margin 53 s against 47 at a share of 0.42, search of 3,000 queries 27 s against 32 at 0.51.
Idle cores are yet to be measured.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import harness

HIDDEN, DATABASE, NEIGHBOURS = 384, 200_000, 4


def main(rows: int = 24_000, queries: int = 5_000, rounds: int = 2, threads: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for what, left, right in (("margin", rows, rows), ("search", queries, DATABASE)):
            shared = {"what": what, "left": left, "right": right, "folder": folder}
            shared |= {"threads": threads} if threads else {}
            peer = harness.Side(
                name=f"faiss-cpu IndexFlatIP {what}",
                script=Path(__file__),
                settings=shared | {"by": "faiss"},
                python=harness.peers(),
            )
            own = harness.Side(name=f"xstilts {what}", script=Path(__file__), settings=shared | {"by": "xstilts"})
            runs = harness.interleave([peer, own], rounds)
            ours, theirs = (np.load(Path(folder) / f"{by}-{what}.npy") for by in ("xstilts", "faiss"))
            share = harness.median(runs[own.name], "share")
            same = float((ours == theirs).all(1).mean())
            against = f"faiss-cpu: {what} of {left:,} x {right:,}"
            print(f"\n{against}: same neighbours in {same:.2%} of the rows; {share:.0%} of the rate of torch.mm")
            names = {"ours": own.name, "theirs": peer.name, "value": "cpu_seconds" if threads == 1 else "seconds"}
            harness.conclude("mining", against, runs, **names, share=share, same=round(same, 5))


def side(by: str, what: str, left: int, right: int, folder: str, threads: int = 0) -> None:
    foreign, english = _vectors(left, right)
    run = {"xstilts": _ours, "faiss": _theirs}[by]
    measured, found = run(what, foreign, english)
    np.save(Path(folder) / f"{by}-{what}.npy", found)
    harness.tell(**measured)


def _vectors(left: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Of length 1; the first rows of both sides are translations."""
    rng = np.random.default_rng(0)
    english = rng.standard_normal((right, HIDDEN), dtype=np.float32)
    foreign = english[:left] + rng.standard_normal((left, HIDDEN), dtype=np.float32)
    return tuple(side / np.linalg.norm(side, axis=1, keepdims=True) for side in (foreign, english))  # type: ignore[return-value]


def _ours(what: str, foreign: np.ndarray, english: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    import torch

    from xstilts.models.mining import candidates, nearest_cosines

    left, right = torch.from_numpy(foreign), torch.from_numpy(english)
    before, started = _rate(), time.process_time()
    with harness.Clock() as clock:
        found = candidates(left, right)[0] if what == "margin" else nearest_cosines(left, right, NEIGHBOURS)[1].numpy()
    busy = time.process_time() - started
    spent = busy if torch.get_num_threads() == 1 else clock.seconds
    rate, alone = 2 * len(left) * len(right) * HIDDEN / spent, (before + _rate()) / 2
    told = {"gflops": rate / 1e9, "mm_gflops": alone / 1e9, "share": rate / alone}
    return {"seconds": clock.seconds, "cpu_seconds": busy, **told}, found


def _rate(seconds: float = 1.0) -> float:
    """Operations a second of torch.mm, in the best of three shapes."""
    import torch

    clock, rates = time.process_time if torch.get_num_threads() == 1 else time.perf_counter, []
    for rows, columns, inner in ((2048, 2048, HIDDEN), (4096, 4096, HIDDEN), (2048, 2048, 2048)):
        left, right, held = torch.randn(rows, inner), torch.randn(columns, inner), torch.empty(rows, columns)
        torch.mm(left, right.T, out=held)
        started, done = clock(), 0
        while (spent := clock() - started) < seconds:
            torch.mm(left, right.T, out=held)
            done += 1
        rates.append(2 * rows * columns * inner * done / spent)
    return max(rates)


def _theirs(what: str, foreign: np.ndarray, english: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Making the indices is not timed."""
    there_index, back_index = _index(english), _index(foreign)
    started = time.process_time()
    with harness.Clock() as clock:
        there, there_rows = there_index.search(foreign, NEIGHBOURS)
        found = there_rows
        if what == "margin":
            back, back_rows = back_index.search(english, NEIGHBOURS)
            means = there.mean(1), back.mean(1)
            to_english = _best(there, there_rows, means[0], means[1])
            to_foreign = _best(back, back_rows, means[1], means[0])
            left, right = np.arange(len(foreign)), np.arange(len(english))
            found = np.stack([np.concatenate([left, to_foreign]), np.concatenate([to_english, right])], 1)
    return {"seconds": clock.seconds, "cpu_seconds": time.process_time() - started}, found


def _index(database: np.ndarray) -> Any:
    import faiss

    index = faiss.IndexFlatIP(HIDDEN)
    index.add(database)  # type: ignore[call-arg]
    return index


def _best(cosines: np.ndarray, rows: np.ndarray, own: np.ndarray, others: np.ndarray) -> np.ndarray:
    margins = cosines / ((own[:, None] + others[rows]) / 2)
    return np.take_along_axis(rows, margins.argmax(1)[:, None], 1)[:, 0]


if __name__ == "__main__":
    side(**settings) if (settings := harness.asked()) else main(*map(int, sys.argv[1:]))
