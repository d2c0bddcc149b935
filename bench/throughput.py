"""Training and evaluation speed of e5-small on short sentences by precision and frozen layers, with one thread.

    python bench/throughput.py [rounds]

Prediction from FLOPs alone: a layer has 1.77M weights, so training costs 10.6 MFLOP per token and layer, and a frozen
layer with cached output costs nothing. Freezing 8 of 12 layers should make training 3x as fast. Results:
docs/performance.md. Configurations are interleaved in every round; medians are printed, with ratios to the first one.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

from harness import print_result
from xstilts.cache.wheels import cache_dir
from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.load import load
from xstilts.data.tokenised import token_ids
from xstilts.encoders.fetch import prepare
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.inputs import ModelInputs
from xstilts.problems import Example, Labelled
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
            model, "classification", tokenizer, train, "cpu", lambda features=features: token_ids(features)
        )
        inputs = trainable.inputs(features)
        runs[name] = partial(_train, trainable, inputs)
        runs[f"score: {name}"] = partial(_score, trainable, inputs, examples, labels)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(run())
    _print(seconds)


def _train(trainable: TrainableModel, inputs: ModelInputs) -> float:
    """Training seconds per sentence."""
    started = time.perf_counter()
    fit([Objective(model=trainable.trained_part, batches=inputs)], [0] * STEPS, trainable.train, seed=0)
    return (time.perf_counter() - started) / (STEPS * trainable.train.batch_size)


def _score(
    trainable: TrainableModel, inputs: ModelInputs, examples: Sequence[Example], labels: tuple[str, ...]
) -> float:
    """Prediction seconds per sentence; the output of frozen layers is already cached."""
    subset = inputs.subset(range(256))
    started = time.perf_counter()
    predict(trainable.trained_part, subset, examples[:256], labels)
    return (time.perf_counter() - started) / 256


def _print(seconds: dict[str, list[float]]) -> None:
    first = statistics.median(next(iter(seconds.values())))
    print(f"{'configuration':44} {'sentences/s':>12} {'ratio':>6}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:44} {1 / median:12.0f} {first / median:6.2f}")
    slowest, frozen = "fp32, all trained, compacted", "fp32, 8 layers frozen"
    ratio = statistics.median(seconds[slowest]) / statistics.median(seconds[frozen])
    print_result(f"throughput: {frozen}", slowest, ratio, seconds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
