"""Fine-tuning with a vocabulary reduced to the training texts, against transformer-smaller-training-vocab.

    python bench/vocabulary.py [rounds]

English development pairs of XNLI if XSTILTS_DATA_ROOT is set, otherwise of BoolQ; equal steps. The peer is a context
manager around transformers' Trainer (4.57, which it requires), tuned: bf16, length grouping, fused AdamW. Trainer with
the full vocabulary is measured too. Reducing and restoring the vocabulary are timed on both sides, and so is the peer's
tokenisation, which must be repeated with the reduced tokenizer. As there are few steps, `step_us_per_token` is the time
of the training steps alone. `unused_rows_moved` is the relative change of embedding rows that no text uses: weight
decay shrinks them in ordinary training and in ours, but not with the peer.

Prediction: the reduced table saves Trainer most of AdamW's updates of 118 million weights and zeroing their gradients,
so the peer is 1.3x as fast as Trainer alone. Ours is 1.3x as fast as the peer, because of less padding and a cheaper
top layer. Peak memory is about the same.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import finetune
from harness import BENCH_DIR, Side, interleave, peer_python, report_comparison, side_settings
from xstilts.cache.wheels import cache_dir
from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.encoders.fetch import prepare
from xstilts.problems import Labelled
from xstilts.tasks import load_task

OURS, PEER, FULL = "ours", "Trainer + transformer-smaller-training-vocab", "Trainer, full vocabulary"
REQUIREMENTS = BENCH_DIR / "peers" / "vocabulary.txt"
ROWS = 250_037


def main(rounds: int = 2) -> None:
    folder = prepare("e5-small", cache=cache_dir(), offline=False)
    name, batch = ("xnli", 32) if "XSTILTS_DATA_ROOT" in os.environ else ("boolq", 16)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "pairs.json"
        data = json.loads(Path(finetune.write_data(name, "dev", folder, path)).read_text())
        for split, texts in _texts(name).items():
            data[split]["texts"] = texts
        path.write_text(json.dumps(data | {"rows": ROWS}))
        settings = {"folder": str(folder), "threads": 2, "rate": 1e-4, "scratch": scratch, "seed": 0}
        settings |= {"data": str(path), "batch": batch, "steps": finetune.STEPS, "frozen": 0}
        peer = BENCH_DIR / "peers" / "vocabulary.py"
        sides = [
            Side(name=OURS, script=BENCH_DIR / "finetune.py", settings=settings),
            Side(name=PEER, script=peer, settings=settings | {"reduced": True}, python=peer_python(REQUIREMENTS)),
            Side(name=FULL, script=peer, settings=settings | {"reduced": False}, python=peer_python(REQUIREMENTS)),
        ]
        runs = interleave(sides, rounds)
    for run in (run for side_runs in runs.values() for run in side_runs):
        run["step_us_per_token"] = run["us_per_token"] * (1 - run["overhead_seconds"] / run["seconds"])
    for theirs, name in ((FULL, FULL), (PEER, "transformer-smaller-training-vocab 0.4.2")):
        report_comparison("vocabulary, steps alone", name, runs, ours=OURS, theirs=theirs, value="step_us_per_token")
        report_comparison("vocabulary", name, runs, ours=OURS, theirs=theirs, value="us_per_token")


def _texts(name: str) -> dict[str, list[tuple[str, str]]]:
    """The text pairs of each split, in the order of the token ids from `finetune.write_data`."""
    cache, root = cache_dir(), os.environ.get("XSTILTS_DATA_ROOT")
    task = bind(load_task(name), root=Path(root) if root else None, cache=cache)
    examples = [e for e in load(task, "en", "dev", cache=cache, offline=False) if isinstance(e, Labelled)]
    test_groups = finetune.held_out_groups(examples)
    return {
        "train": [(e.text, e.pair or "") for e in examples if e.group not in test_groups],
        "test": [(e.text, e.pair or "") for e in examples if e.group in test_groups],
    }


if __name__ == "__main__":
    assert side_settings() is None, "this script is not a side itself"
    main(*map(int, sys.argv[1:]))
