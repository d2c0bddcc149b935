"""Features of a large training set: reading them from the cached Arrow file against tokenising into Python objects.

    python bench/tokenise.py [rounds]

English development pairs of XNLI if XSTILTS_DATA_ROOT is set, otherwise of BoolQ, repeated to 50,000. `seconds` is the
time until the lengths of all features are known, which a training stage needs first. `row_us` is the time to read one
feature in random order. `mb` is the memory added by the features.

Prediction: reading takes a hundredth of the time and a tenth of the memory of tokenising.
"""

import os
import random
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from harness import Clock, Side, interleave, peak_mb, print_measurements, report_comparison, side_settings

EXAMPLES, RANDOM_READS = 50_000, 5_000
TOKENISED, CACHED = "tokenised", "read from the cache"


def main(rounds: int = 3) -> None:
    task = "xnli" if "XSTILTS_DATA_ROOT" in os.environ else "boolq"
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/features.arrow"
        sides = [
            Side(name=side, script=Path(__file__), settings={"task": task, "file": file, "write": write})
            for side, write in ((TOKENISED, True), (CACHED, False))
        ]
        runs = interleave(sides, rounds)
    report_comparison("tokenise", TOKENISED, runs, ours=CACHED, theirs=TOKENISED)


def run_side(task: str, file: str, write: bool) -> None:
    from xstilts.cache.wheels import cache_dir
    from xstilts.data.benchmark_files import bind
    from xstilts.data.features import featurise
    from xstilts.data.load import load
    from xstilts.data.tokenised import TokenisedFeatures, feature_lengths, write_features
    from xstilts.encoders.fetch import prepare
    from xstilts.models.heads import load_tokenizer
    from xstilts.tasks import load_task

    path, extra = Path(file), {}
    if write:
        root, cache = os.environ.get("XSTILTS_DATA_ROOT"), cache_dir()
        tokenizer = load_tokenizer(prepare("e5-small", cache=cache, offline=False))
        bound = bind(load_task(task), root=Path(root) if root else None, cache=cache)
        split = load(bound, "en", "dev", cache=cache, offline=False)
        examples = list(islice(cycle(split), EXAMPLES))
        featurise(bound.problem, examples[:100], tokenizer, None, 128)
        before = peak_mb()
        with Clock() as clock:
            features = featurise(bound.problem, examples, tokenizer, None, 128)
            feature_lengths(features)
        added = peak_mb() - before
        with Clock() as writing:
            write_features(path, [(0, features)])
        extra = {"write_seconds": writing.seconds}
    else:
        before = peak_mb()
        with Clock() as clock:
            features = TokenisedFeatures(path, "classification")
            feature_lengths(features)
        added = peak_mb() - before
    rows = random.Random(0).choices(range(len(features)), k=RANDOM_READS)
    with Clock() as reading:
        for row in rows:
            features[row]
    print_measurements(seconds=clock.seconds, mb=round(added), row_us=reading.seconds / RANDOM_READS * 1e6, **extra)


if __name__ == "__main__":
    settings = side_settings()
    main(*map(int, sys.argv[1:])) if settings is None else run_side(**settings)
