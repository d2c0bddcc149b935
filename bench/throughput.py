"""Training and scoring speed of e5-small on short sentences, by precision and frozen layers, one thread.

    python bench/throughput.py [rounds]

Prediction, from floating-point work alone: a layer has 1.77M weights, so a trained token costs 10.6 MFLOP a layer and a
frozen, cached one nothing; 8 frozen layers of 12 should train 3 times as fast as none. Measured: docs/performance.md.
Configurations are interleaved in every round; medians are printed, and ratios to the first one.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch

from harness import say
from xstilts.cache.wheels import cache_dir
from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.load import load
from xstilts.data.tokenised import token_ids
from xstilts.encoders.fetch import prepare
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.problems import Labelled
from xstilts.stages.training import TrainableModel, make_trainable
from xstilts.tasks import load_task
from xstilts.train.fit import Objective, fit
from xstilts.train.predict import predict

STEPS = 8
CONFIGURATIONS = {
    "fp32, embeddings frozen": Train(steps=STEPS, precision="fp32", freeze_embeddings=True),
    "bf16, embeddings frozen": Train(steps=STEPS, precision="bf16", freeze_embeddings=True),
    "fp32, all trained, compacted": Train(steps=STEPS, precision="fp32"),
    "fp32, 6 layers frozen": Train(steps=STEPS, precision="fp32", frozen_layers=6),
    "fp32, 8 layers frozen": Train(steps=STEPS, precision="fp32", frozen_layers=8),
    "fp32, 10 layers frozen": Train(steps=STEPS, precision="fp32", frozen_layers=10),
}


def main(rounds: int = 5) -> None:
    torch.set_num_threads(1)
    cache = cache_dir()
    folder = prepare("e5-small", cache=cache, offline=False)
    tokenizer = load_tokenizer(folder)
    examples = list(load(load_task("intent"), "en", "train", cache=cache, offline=False))
    labels = tuple(sorted({e.label for e in examples if isinstance(e, Labelled) and e.label}))
    runs: dict[str, Callable[[], float]] = {}
    for name, train in CONFIGURATIONS.items():
        model = load_with_head("classification", folder, labels=labels, seed=0)
        features = featurise("classification", examples, tokenizer, labels, train.max_length)
        trainable = make_trainable(
            model, "classification", tokenizer, train, "cpu", lambda found=features: token_ids(found)
        )
        feed = trainable.inputs(features)
        runs[name] = lambda p=trainable, f=feed: _train(p, f)
        runs[f"score: {name}"] = lambda p=trainable, f=feed: _score(p, f, examples, labels)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(run())
    _print(seconds)


def _train(trainable: TrainableModel, feed) -> float:
    """Seconds for a sentence in training."""
    started = time.perf_counter()
    fit([Objective(model=trainable.trained_part, batches=feed)], [0] * STEPS, trainable.train, seed=0)
    return (time.perf_counter() - started) / (STEPS * trainable.train.batch_size)


def _score(trainable: TrainableModel, feed, examples, labels) -> float:
    """Seconds for a sentence in scoring; layers below the boundary were run before."""
    some = feed.subset(range(256))
    started = time.perf_counter()
    predict(trainable.trained_part, some, examples[:256], labels)
    return (time.perf_counter() - started) / 256


def _print(seconds: dict[str, list[float]]) -> None:
    first = statistics.median(next(iter(seconds.values())))
    print(f"{'configuration':44} {'sentences/s':>12} {'ratio':>6}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:44} {1 / median:12.0f} {first / median:6.2f}")
    slowest, frozen = "fp32, all trained, compacted", "fp32, 8 layers frozen"
    ratio = statistics.median(seconds[slowest]) / statistics.median(seconds[frozen])
    say(f"throughput: {frozen}", slowest, ratio, seconds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
