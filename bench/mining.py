"""Exact mining of 384-dimensional vectors in fp32, against faiss's IndexFlatIP.

    python bench/mining.py [rows for margin mining] [search queries] [rounds] [threads]

Two operations are timed:

- `margin`: ratio-margin mining of `rows` foreign and `rows` English vectors with four neighbours on both sides. Ours
  (`xstilts.models.mining.candidates`) takes one pass; the peer takes two faiss searches and NumPy.
- `search`: nearest neighbours of sampled queries among 200,000 vectors, in one direction. Both sides do the same
  arithmetic.

200,000 x 200,000 takes too long for a default (`python bench/mining.py 200000`); nothing here is extrapolated to it.

`efficiency` is the rate of the required FLOPs (2 x rows x rows x 384) over that of `torch.mm` alone, for the best of
three shapes, measured before and after in the same process. Vectors are random; each foreign vector is an English one
plus noise. `agreement` is the fraction of rows on which both sides agree. With one thread, CPU seconds are compared,
which other load affects less.

Prediction: faiss searches at three quarters of the rate of torch.mm. Group maxima and merging cost a fifth of the
products while many rows still improve, and less the larger the inputs are. So search takes as long as faiss, margin
mining half as long, at an efficiency of 0.8.

Measured with `24000 2000 1 1` (one round, one thread, CPU seconds, AMD EPYC with other load): margin 6.67 s against
10.46 s (1.57x as fast) at an efficiency of 0.72, and 0.78 for 48,000 x 48,000 (ours only); search 3.78 s against 3.36 s
(0.89x, slower) at 0.89. All rows agreed. Both miss the prediction: with one thread faiss reaches the rate of torch.mm,
and with few blocks most rows still improve. Peak memory of margin mining: 487 MB against 212 MB without torch. With two
threads and other load (one round, wall seconds, including building the faiss indices): margin 53 s against 47 s at
0.42, search of 3,000 queries 27 s against 32 s at 0.51. Not measured on idle cores.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import harness

DIMENSIONS, DATABASE_SIZE, NEIGHBOURS = 384, 200_000, 4


def main(rows: int = 24_000, queries: int = 5_000, rounds: int = 2, threads: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for operation, foreign, english in (("margin", rows, rows), ("search", queries, DATABASE_SIZE)):
            common = {"operation": operation, "foreign": foreign, "english": english, "folder": folder}
            common |= {"threads": threads} if threads else {}
            peer = harness.Side(
                name=f"faiss-cpu IndexFlatIP {operation}",
                script=Path(__file__),
                settings=common | {"library": "faiss"},
                python=harness.peer_python(),
            )
            ours = harness.Side(
                name=f"xstilts {operation}", script=Path(__file__), settings=common | {"library": "xstilts"}
            )
            runs = harness.interleave([peer, ours], rounds)
            our_rows, peer_rows = (np.load(Path(folder) / f"{name}-{operation}.npy") for name in ("xstilts", "faiss"))
            efficiency = harness.median(runs[ours.name], "efficiency")
            agreement = float((our_rows == peer_rows).all(1).mean())
            baseline = f"faiss-cpu: {operation} of {foreign:,} x {english:,}"
            print(f"\n{baseline}: same neighbours in {agreement:.2%} of rows; {efficiency:.0%} of the rate of torch.mm")
            harness.report_comparison(
                "mining",
                baseline,
                runs,
                ours=ours.name,
                theirs=peer.name,
                value="cpu_seconds" if threads == 1 else "seconds",
                efficiency=efficiency,
                agreement=round(agreement, 5),
            )


def run_side(library: str, operation: str, foreign: int, english: int, folder: str, threads: int = 0) -> None:
    run = {"xstilts": _run_xstilts, "faiss": _run_faiss}[library]
    measurements, rows = run(operation, *_vectors(foreign, english))
    np.save(Path(folder) / f"{library}-{operation}.npy", rows)
    harness.print_measurements(**measurements)


def _vectors(foreign_count: int, english_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Foreign and English unit vectors. Each foreign vector is a translation of the English one in the same row."""
    rng = np.random.default_rng(0)
    english = rng.standard_normal((english_count, DIMENSIONS), dtype=np.float32)
    foreign = english[:foreign_count] + rng.standard_normal((foreign_count, DIMENSIONS), dtype=np.float32)
    return tuple(rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (foreign, english))  # type: ignore[return-value]


def _run_xstilts(operation: str, foreign: np.ndarray, english: np.ndarray) -> tuple[harness.JsonDict, np.ndarray]:
    import torch

    from xstilts.models.mining import candidates, nearest_cosines

    left, right = torch.from_numpy(foreign), torch.from_numpy(english)
    rate_before, started = _mm_rate(), time.process_time()
    with harness.Clock() as clock:
        if operation == "margin":
            rows = candidates(left, right)[0]
        else:
            rows = nearest_cosines(left, right, NEIGHBOURS)[1].numpy()
    cpu_seconds = time.process_time() - started
    seconds = cpu_seconds if torch.get_num_threads() == 1 else clock.seconds
    rate, mm_rate = 2 * len(left) * len(right) * DIMENSIONS / seconds, (rate_before + _mm_rate()) / 2
    rates = {"gflops": rate / 1e9, "mm_gflops": mm_rate / 1e9, "efficiency": rate / mm_rate}
    return {"seconds": clock.seconds, "cpu_seconds": cpu_seconds, **rates}, rows


def _mm_rate(min_seconds: float = 1.0) -> float:
    """FLOP/s of torch.mm for the best of three shapes, each timed for `min_seconds` or longer."""
    import torch

    clock, rates = time.process_time if torch.get_num_threads() == 1 else time.perf_counter, []
    for rows, columns, inner in ((2048, 2048, DIMENSIONS), (4096, 4096, DIMENSIONS), (2048, 2048, 2048)):
        left, right, out = torch.randn(rows, inner), torch.randn(columns, inner), torch.empty(rows, columns)
        torch.mm(left, right.T, out=out)
        started, products = clock(), 0
        while (seconds := clock() - started) < min_seconds:
            torch.mm(left, right.T, out=out)
            products += 1
        rates.append(2 * rows * columns * inner * products / seconds)
    return max(rates)


def _run_faiss(operation: str, foreign: np.ndarray, english: np.ndarray) -> tuple[harness.JsonDict, np.ndarray]:
    """Building the indices is not timed."""
    english_index, foreign_index = _index(english), _index(foreign)
    started = time.process_time()
    with harness.Clock() as clock:
        english_cosines, english_rows = english_index.search(foreign, NEIGHBOURS)
        rows = english_rows
        if operation == "margin":
            foreign_cosines, foreign_rows = foreign_index.search(english, NEIGHBOURS)
            foreign_means, english_means = english_cosines.mean(1), foreign_cosines.mean(1)
            best_english = _best_margins(english_cosines, english_rows, foreign_means, english_means)
            best_foreign = _best_margins(foreign_cosines, foreign_rows, english_means, foreign_means)
            left, right = np.arange(len(foreign)), np.arange(len(english))
            rows = np.stack([np.concatenate([left, best_foreign]), np.concatenate([best_english, right])], 1)
    return {"seconds": clock.seconds, "cpu_seconds": time.process_time() - started}, rows


def _index(database: np.ndarray) -> Any:
    import faiss

    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(database)  # type: ignore[call-arg]
    return index


def _best_margins(
    cosines: np.ndarray, rows: np.ndarray, query_means: np.ndarray, database_means: np.ndarray
) -> np.ndarray:
    """For each query, the row among its neighbours with the largest ratio margin (as `xstilts.models.mining`)."""
    margins = cosines / ((query_means[:, None] + database_means[rows]) / 2)
    return np.take_along_axis(rows, margins.argmax(1)[:, None], 1)[:, 0]


if __name__ == "__main__":
    run_side(**settings) if (settings := harness.side_settings()) else main(*map(int, sys.argv[1:]))
