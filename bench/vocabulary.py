"""Fine-tuning with the rows of the training texts alone: ours against transformer-smaller-training-vocab.

    python bench/vocabulary.py [rounds]

XNLI's English development pairs where XSTILTS_DATA_ROOT is set, otherwise BoolQ's; equal steps. The peer is a context
around transformers' Trainer (4.57, which it wants) at its best: bf16, length groups, fused AdamW; Trainer
without it stands beside. Reducing and restoring are timed on both sides, and so is the peer's tokenising, which is
done anew with the reduced tokenizer; since steps are few, `us_in_steps` tells those alone. `unused_rows_moved` is how
far rows that no text reads moved, relative to their norm: ordinary training shrinks them by its decay, as ours does
afterwards and the peer does not.

Prediction: the reduced table spares Trainer most of AdamW's pass over 118 million weights and the clearing of their
gradients, so the peer is 1.3 times as fast as Trainer without it, ours 1.3 times as fast as the peer, by batches that
pad less and a lighter top layer; memory is about the same in both.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import finetune
from harness import HERE, Side, asked, conclude, interleave, peers
from xstilts.cache.wheels import cache_dir
from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.encoders.fetch import prepare
from xstilts.problems import Labelled
from xstilts.tasks import load_task

OURS, PEER, WHOLE = "ours", "Trainer + transformer-smaller-training-vocab", "Trainer, all rows"
PINS = HERE / "peers" / "vocabulary.txt"
ROWS = 250_037


def main(rounds: int = 2) -> None:
    folder, real = prepare("e5-small", cache=cache_dir(), offline=False), "XSTILTS_DATA_ROOT" in os.environ
    with tempfile.TemporaryDirectory() as scratch:
        name, batch = ("xnli", 32) if real else ("boolq", 16)
        data = finetune.written(name, "dev", folder, Path(scratch) / "pairs.json")
        found = json.loads(Path(data).read_text())
        for split, texts in _texts(name).items():
            found[split]["texts"] = texts
        Path(data).write_text(json.dumps(found | {"rows": ROWS}))
        settings = {"folder": str(folder), "threads": 2, "rate": 1e-4, "scratch": scratch, "seed": 0, "data": data}
        settings |= {"batch": batch, "steps": finetune.STEPS, "frozen": 0}
        peer = HERE / "peers" / "vocabulary.py"
        sides = [
            Side(name=OURS, script=HERE / "finetune.py", settings=settings),
            Side(name=PEER, script=peer, settings=settings | {"reduced": True}, python=peers(PINS)),
            Side(name=WHOLE, script=peer, settings=settings | {"reduced": False}, python=peers(PINS)),
        ]
        runs = interleave(sides, rounds)
    for run in (run for measured in runs.values() for run in measured):
        run["us_in_steps"] = run["us_a_token"] * (1 - run["beside_steps"] / run["seconds"])
    against = "transformer-smaller-training-vocab 0.4.2"
    for theirs, name in ((WHOLE, WHOLE), (PEER, against)):
        conclude("vocabulary, steps alone", name, runs, ours=OURS, theirs=theirs, value="us_in_steps")
        conclude("vocabulary", name, runs, ours=OURS, theirs=theirs, value="us_a_token")


def _texts(name: str) -> dict[str, list[tuple[str, str]]]:
    """The pairs in the order of their sub-words in `finetune.written`."""
    cache, root = cache_dir(), os.environ.get("XSTILTS_DATA_ROOT")
    task = bind(load_task(name), root=Path(root) if root else None, cache=cache)
    examples = [e for e in load(task, "en", "dev", cache=cache, offline=False) if isinstance(e, Labelled)]
    held = finetune.held_groups(examples)
    return {
        "train": [(e.text, e.pair or "") for e in examples if e.group not in held],
        "test": [(e.text, e.pair or "") for e in examples if e.group in held],
    }


if __name__ == "__main__":
    assert asked() is None, "the sides are other scripts"
    main(*map(int, sys.argv[1:]))
