"""Features of a large training set: tokenised into Python objects against read from the Arrow file in the cache.

    python bench/tokenise.py [rounds]

XNLI's English development pairs where XSTILTS_DATA_ROOT is set, otherwise BoolQ's, repeated to 50,000. Each side is a
process of its own. `seconds` ends when the lengths of all features are known, which is what a training stage asks for
first; `row_us` is the time of one feature in random order; `mb` is the memory that the features added.

Prediction: reading takes a hundredth of the time of tokenising, and a tenth of the memory.
"""

import os
import random
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from harness import HERE, Clock, Side, asked, conclude, interleave, peak_mb, tell

EXAMPLES, READ = 50_000, 5_000


def main(rounds: int = 3) -> None:
    name = "xnli" if "XSTILTS_DATA_ROOT" in os.environ else "boolq"
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/features.arrow"
        sides = [
            Side(name=side, script=HERE / "tokenise.py", settings={"task": name, "file": file, "write": write})
            for side, write in (("tokenised", True), ("read from the cache", False))
        ]
        runs = interleave(sides, rounds)
    conclude("tokenise", "tokenised", runs, ours="read from the cache", theirs="tokenised")


def side(task: str, file: str, write: bool) -> None:
    from xstilts.cache.wheels import cache_dir
    from xstilts.data.benchmark_files import bind
    from xstilts.data.features import featurise
    from xstilts.data.load import load
    from xstilts.data.tokenised import TokenisedFeatures, feature_lengths, write_features
    from xstilts.encoders.fetch import prepare
    from xstilts.models.heads import load_tokenizer
    from xstilts.tasks import load_task

    path, features = Path(file), None
    measured: dict[str, Any] = {}
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
        measured["write_seconds"] = writing.seconds
    else:
        before = peak_mb()
        with Clock() as clock:
            features = TokenisedFeatures(path, "classification")
            feature_lengths(features)
        added = peak_mb() - before
    rows = random.Random(0).choices(range(len(features)), k=READ)
    with Clock() as reading:
        for row in rows:
            features[row]
    tell(seconds=clock.seconds, mb=round(added), row_us=reading.seconds / READ * 1e6, **measured)


if __name__ == "__main__":
    settings = asked()
    main(*map(int, sys.argv[1:])) if settings is None else side(**settings)
