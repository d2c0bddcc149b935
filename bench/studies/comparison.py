"""The effect of standardised vectors in a head that compares a text with images.

`number-verify` in English with e5-small and EfficientNet-Lite0, 240 steps of 64: the same training with the head as it
is and with raw vectors. Accuracy on 400 development items; chance is .500. Prediction: the task is learned in fewer
steps, without a stated size. Results: docs/performance.md.
"""

import json
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import torch

from xstilts.cache.wheels import cache_dir
from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.images import ImageLocations
from xstilts.data.load import load
from xstilts.encoders.fetch import prepare
from xstilts.encoders.pins import pin
from xstilts.models.heads import load_fused, load_tokenizer
from xstilts.models.multimodal.fusion import ImageInputSpec
from xstilts.models.multimodal.heads import RunningStandardize
from xstilts.models.multimodal.image_features import ImageFeatureCache
from xstilts.platform.hardware import matrix_precision
from xstilts.stages.training import make_trainable, scorer
from xstilts.tasks import load_task
from xstilts.train.fit import Objective, fit

ENCODER = "e5-small+efficientnet-lite0"
SIZE, GRID = 128, 2
SEEDS = (0, 1, 2)
JOIN_LAYER = 10
VECTORS = ("raw", "standardised")


def main() -> None:
    torch.set_num_threads(2)
    runs = [train_once(seed, vectors) for seed in SEEDS for vectors in VECTORS]
    raw, standardised = (median(run["accuracy"] for run in runs if run["vectors"] == vectors) for vectors in VECTORS)
    result = {"bench": "comparison", "baseline": "the same head with raw vectors", "ratio": standardised / raw}
    print(json.dumps(result | {"runs": runs}))


def train_once(seed: int, vectors: str) -> dict[str, Any]:
    """One training run. Returns the accuracy of the best of four checkpoints and the seconds of training."""
    cache, task = cache_dir(), load_task("number-verify")
    folder = prepare(ENCODER, cache=cache, offline=False)
    locations = ImageLocations(cache=cache, offline=False)
    image_features = ImageFeatureCache(
        ENCODER, pin(ENCODER, None, cache=cache, offline=False), size=SIZE, grid=GRID, locations=locations
    )
    train = Train(
        steps=240,
        batch_size=64,
        max_length=32,
        frozen_layers=JOIN_LAYER,
        learning_rate=1.5e-4,
        head_learning_rate=2e-3,
        evaluations=4,
        precision=matrix_precision("cpu"),
    )
    examples, dev = (load(task, "en", split, cache=cache, offline=False) for split in ("train", "dev"))
    image_features.missing(image for example in (*examples, *dev) for image in example.shown_images)
    tokenizer, labels = load_tokenizer(folder), ("false", "true")
    features = featurise(task.problem, examples, tokenizer, labels, train.max_length)
    dev_features = featurise(task.problem, dev, tokenizer, None, train.max_length)
    image_input = ImageInputSpec(channels=image_features.channels, tokens=GRID**2, layer=JOIN_LAYER)
    model = load_fused(task.problem, folder, image_input, labels=labels, seed=seed)
    trainable = make_trainable(model, task.problem, tokenizer, train, "cpu", None, None, image_features)  # type: ignore[arg-type]
    with _raw_vectors() if vectors == "raw" else nullcontext():
        objective = Objective(model=trainable.trained_part, batches=trainable.inputs(features))
        score = scorer(trainable.trained_part, trainable.inputs(dev_features), dev, labels, task)
        started = perf_counter()
        fitted = fit([objective], [0] * 240, train, seed=seed, strategy="best", score=score)
        seconds = perf_counter() - started
    accuracy = max(value for _, value in fitted.curve)
    print(f"{vectors:13} seed {seed}  accuracy {accuracy:.3f}  {seconds:.0f} s")
    return {"vectors": vectors, "layer": JOIN_LAYER, "seed": seed, "accuracy": accuracy, "seconds": seconds}


def _raw_vectors() -> AbstractContextManager[object]:
    """Disable standardisation."""
    return patch.object(RunningStandardize, "forward", lambda self, vectors, mask=None: vectors.float())


if __name__ == "__main__":
    main()
