"""What standardising brings to a head that compares a text with images.

`number-verify` in English, e5-small and EfficientNet-Lite0, 240 steps of 64: the same training with the head as it is,
and with one whose vectors are left as they come. Predicted: the task is learnt in fewer steps; by how much was not
foreseen. Measured: see docs/performance.md. Accuracy on 400 development items; chance is .500.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
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
CASES = (("as they come", 10), ("standardised", 10))


def main() -> None:
    torch.set_num_threads(2)
    runs = [(*case, seed, *run(seed, *case)) for seed in SEEDS for case in CASES]
    for vectors, layer, seed, accuracy, seconds in runs:
        print(f"{vectors:13} from layer {layer:2}  seed {seed}  accuracy {accuracy:.3f}  {seconds:.0f} s")
    plain, ours = (median(run[3] for run in runs if run[:2] == case) for case in CASES[:2])
    names = ("vectors", "layer", "seed", "accuracy", "seconds")
    found = [dict(zip(names, run, strict=True)) for run in runs]
    against = "the same head without standardising"
    print(json.dumps({"bench": "comparison", "against": against, "ratio": ours / plain, "runs": found}))


def run(seed: int, vectors: str, layer: int) -> tuple[float, float]:
    """Accuracy of the best of four checkpoints, and seconds of training."""
    cache, task = cache_dir(), load_task("number-verify")
    folder = prepare(ENCODER, cache=cache, offline=False)
    places = ImageLocations(cache=cache, offline=False)
    image_features = ImageFeatureCache(
        ENCODER, pin(ENCODER, None, cache=cache, offline=False), size=SIZE, grid=GRID, locations=places
    )
    train = Train(
        steps=240,
        batch_size=64,
        max_length=32,
        frozen_layers=layer,
        learning_rate=1.5e-4,
        head_learning_rate=2e-3,
        evaluations=4,
        precision=matrix_precision("cpu"),
    )
    examples, dev = (load(task, "en", split, cache=cache, offline=False) for split in ("train", "dev"))
    image_features.missing(image for example in (*examples, *dev) for image in example.shown_images)
    tokenizer, labels = load_tokenizer(folder), ("false", "true")
    features = featurise(task.problem, examples, tokenizer, labels, train.max_length)
    held = featurise(task.problem, dev, tokenizer, None, train.max_length)
    sight = ImageInputSpec(channels=image_features.channels, tokens=GRID**2, layer=layer)
    model = load_fused(task.problem, folder, sight, labels=labels, seed=seed)
    trainable = make_trainable(model, task.problem, tokenizer, train, "cpu", None, None, image_features)  # type: ignore[arg-type]
    with _as_they_come(vectors == "as they come"):
        objective = Objective(model=trainable.trained_part, batches=trainable.inputs(features))
        score = scorer(trainable.trained_part, trainable.inputs(held), dev, labels, task)
        started = perf_counter()
        fitted = fit([objective], [0] * 240, train, seed=seed, strategy="best", score=score)
    return max(value for _, value in fitted.curve), perf_counter() - started


@contextmanager
def _as_they_come(wanted: bool) -> Iterator[None]:
    """Vectors are left as they are."""
    if not wanted:
        yield
        return
    with patch.object(RunningStandardize, "forward", lambda self, vectors, mask=None: vectors.float()):
        yield


if __name__ == "__main__":
    main()
