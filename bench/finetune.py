"""Fine-tuning e5-small on texts of mixed length, against transformers' Trainer with two threads and equal steps.

    python bench/finetune.py [rounds] [seeds]

English development pairs of XNLI if XSTILTS_DATA_ROOT is set (42 sub-words on average), otherwise of BoolQ; a fifth of
the groups is held out. Both sides get the same sub-words, batch size, learning rate, weight decay, dropout and number
of steps.

Targets, set before measuring:

1. All weights trained, against Trainer as in its examples (fp32, random batches): 6x the tokens per second.
2. The same against Trainer tuned (bf16, length grouping, fused AdamW): 2x, with 0.45 of its peak memory.
3. Embeddings and lower half frozen on both sides: 4x, against both configurations of Trainer.

With `micro_batch_tokens` (gradient accumulation), ours should take 0.45 of the memory and 5 to 8% more time.

Reasons: bf16 is twice as fast; padded batches have 1.0 instead of 1.7 times their sub-words; AdamW updates 24 instead
of 118 million weights; in 3, the lower half runs once for three epochs. Padding is not counted as tokens. Our time
includes compacting the vocabulary, expanding it again and running the frozen layers. On `intent`, accuracies after
equal steps should agree within the spread over seeds. CPU seconds are reported too; they are more reliable than wall
seconds if the machine has other load.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import torch

from harness import (
    BENCH_DIR,
    Clock,
    JsonDict,
    Side,
    interleave,
    median,
    peer_python,
    print_measurements,
    print_result,
    report_comparison,
    side_settings,
)
from xstilts.cache.wheels import cache_dir
from xstilts.config.training import Train
from xstilts.data.benchmark_files import bind
from xstilts.data.features import featurise
from xstilts.data.load import load
from xstilts.data.tokenised import token_ids
from xstilts.encoders.fetch import prepare
from xstilts.models.collate import Batch
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.inputs import ModelInputs
from xstilts.platform.hardware import matrix_precision
from xstilts.problems import Example, Labelled
from xstilts.problems.features import Feature
from xstilts.stages.training import TrainableModel, make_trainable
from xstilts.tasks import load_task
from xstilts.train.fit import Objective, fit
from xstilts.train.optim import decay_of_unused_weights
from xstilts.train.predict import predict

STEPS = 16
"""Timed steps."""
THREE_EPOCHS = 189
"""Our timed steps with frozen layers, whose output is computed once and reused in every epoch."""
ACCURACY_STEPS = 80
FROZEN_LAYERS = 6
MICRO_BATCH_TOKENS = 1024
OURS, PLAIN, TUNED = "ours", "Trainer as in its examples", "Trainer tuned"
BASELINE = "transformers 5.23.0 Trainer"


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Batches of `inputs`; records the number of sub-words of each."""

    inputs: ModelInputs
    device: str = "cpu"
    loss_is_mean: bool = True
    tokens: list[int] = field(default_factory=list)

    @property
    def lengths(self) -> list[int]:
        return self.inputs.lengths

    def batch(self, indices: Sequence[int], *, labels: bool) -> Batch:
        self.tokens.append(sum(self.inputs.features[index].length for index in indices))
        return self.inputs.batch(indices, labels=labels)


def run_side(settings: JsonDict, data: JsonDict) -> None:
    """Our side: one training run. Prints its measurements."""
    torch.set_num_threads(settings["threads"])
    train, steps = _train_settings(settings), settings["steps"]
    folder, labels = Path(settings["folder"]), tuple(map(str, range(data["labels"])))
    tokenizer = load_tokenizer(folder)
    model = load_with_head("classification", folder, labels=labels, seed=settings["seed"])
    features, test = (_features(data[split]) for split in ("train", "test"))
    cpu_start = time.process_time()
    with Clock() as setup:
        trainable = make_trainable(model, "classification", tokenizer, train, "cpu", lambda: token_ids(features, test))
        batches = TokenCounter(trainable.inputs(features))
    with Clock() as training:
        fit([Objective(model=trainable.trained_part, batches=batches)], [0] * steps, train, seed=settings["seed"])
    with Clock() as expansion:
        if trainable.vocabulary is not None:
            trainable.vocabulary.expand(decay_of_unused_weights(train, steps))
    tokens, overhead = sum(batches.tokens), setup.seconds + expansion.seconds
    seconds, cpu_seconds = training.seconds + overhead, time.process_time() - cpu_start
    print_measurements(
        tokens_per_second=tokens / seconds,
        us_per_token=1e6 * seconds / tokens,
        cpu_us_per_token=1e6 * cpu_seconds / tokens,
        steps=steps,
        seconds=seconds,
        overhead_seconds=overhead,
        accuracy=_accuracy(replace(trainable, vocabulary=None), test, labels),
    )


def _train_settings(settings: JsonDict) -> Train:
    return Train(
        steps=settings["steps"],
        batch_size=settings["batch"],
        learning_rate=settings["rate"],
        head_learning_rate=None,
        precision=matrix_precision(),
        frozen_layers=settings["frozen"],
        micro_batch_tokens=settings.get("micro_batch_tokens"),
    )


def _features(split: JsonDict) -> list[Feature]:
    pairs = zip(split["ids"], split["targets"], strict=True)
    return [Feature(example=row, ids=(ids,), target=target) for row, (ids, target) in enumerate(pairs)]


def _accuracy(trainable: TrainableModel, test: list[Feature], labels: tuple[str, ...]) -> float:
    predicted = predict(trainable.trained_part, trainable.inputs(test), [], labels)
    return sum(str(feature.target) == label for feature, label in zip(test, predicted, strict=True)) / len(test)


def main(rounds: int = 2, seeds: int = 1) -> None:
    """Time both sides for `rounds` rounds, then compare accuracies after equal steps over `seeds` seeds."""
    folder, has_xnli = prepare("e5-small", cache=cache_dir(), offline=False), "XSTILTS_DATA_ROOT" in os.environ
    with tempfile.TemporaryDirectory() as scratch:
        common = {"folder": str(folder), "threads": 2, "rate": 1e-4, "scratch": scratch, "seed": 0}
        pairs = write_data("xnli" if has_xnli else "boolq", "dev", folder, Path(scratch) / "pairs.json")
        timed = common | {"data": pairs, "batch": 32 if has_xnli else 16, "steps": STEPS}
        _compare("fine-tuning", _sides(timed | {"frozen": 0}), rounds, (6.0, 2.0))
        ours, _, tuned = _sides(timed | {"frozen": 0}, {"micro_batch_tokens": MICRO_BATCH_TOKENS})
        _compare(f"fine-tuning, micro-batches of {MICRO_BATCH_TOKENS} sub-words", [ours, tuned], rounds, (2.0,))
        half_frozen = _sides(timed | {"frozen": FROZEN_LAYERS}, {"steps": THREE_EPOCHS})
        _compare("lower half frozen", half_frozen, rounds, (4.0, 4.0))
        commands = write_data("intent", "train", folder, Path(scratch) / "commands.json")
        accuracies: dict[str, list[float]] = {}
        for seed in range(seeds):
            settings = common | {"data": commands, "batch": 32, "steps": ACCURACY_STEPS, "frozen": 0, "seed": seed}
            for name, runs in interleave(_sides(settings), 1).items():
                accuracies.setdefault(name, []).append(round(runs[0]["accuracy"], 3))
    means = {name: fmean(values) for name, values in accuracies.items()}
    ratio = means[OURS] / max(means[PLAIN], means[TUNED])
    print_result(f"accuracy after {ACCURACY_STEPS} steps", BASELINE, ratio, accuracies)


def _sides(settings: JsonDict, our_settings: JsonDict | None = None) -> list[Side]:
    """Ours (with `our_settings` added), Trainer as in its examples, Trainer tuned."""
    peer = BENCH_DIR / "peers" / "finetune.py"
    return [
        Side(name=OURS, script=Path(__file__), settings=settings | (our_settings or {})),
        Side(name=PLAIN, script=peer, settings=settings | {"tuned": False}, python=peer_python()),
        Side(name=TUNED, script=peer, settings=settings | {"tuned": True}, python=peer_python()),
    ]


def _compare(bench: str, sides: list[Side], rounds: int, targets: tuple[float, ...]) -> None:
    """Compare the first side with each of the others; `targets` are the speedups set before measuring."""
    runs = interleave(sides, rounds)
    for peer, target in zip(sides[1:], targets, strict=True):
        report_comparison(
            f"{bench}: {peer.name}",
            BASELINE,
            runs,
            ours=OURS,
            theirs=peer.name,
            value="us_per_token",
            target=target,
            cpu_ratio=round(median(runs[peer.name], "cpu_us_per_token") / median(runs[OURS], "cpu_us_per_token"), 3),
        )


def write_data(name: str, split: str, folder: Path, path: Path) -> str:
    """Write the token ids and labels of a split to `path`; a fifth of its groups is the test set. Returns the path."""
    cache, root = cache_dir(), os.environ.get("XSTILTS_DATA_ROOT")
    task = bind(load_task(name), root=Path(root) if root else None, cache=cache)
    examples = load(task, "en", split, cache=cache, offline=False)
    test_groups = held_out_groups(examples)
    labels = tuple(sorted({e.label for e in examples if isinstance(e, Labelled) and e.label}))
    features = featurise("classification", examples, load_tokenizer(folder), labels, 128)
    data: JsonDict = {part: {"ids": [], "targets": []} for part in ("train", "test")}
    for example, feature in zip(examples, features, strict=True):
        rows = data["test" if example.group in test_groups else "train"]
        rows["ids"].append(feature.ids[0])
        rows["targets"].append(feature.target)
    path.write_text(json.dumps({"labels": len(labels)} | data))
    return str(path)


def held_out_groups(examples: Sequence[Example]) -> set[str]:
    """Every fifth group."""
    return set(sorted({example.group for example in examples})[::5])


if __name__ == "__main__":
    if settings := side_settings():
        run_side(settings, json.loads(Path(settings["data"]).read_text()))
    else:
        main(*map(int, sys.argv[1:]))
