"""The peer of `bench/vocabulary.py`: transformers' Trainer, tuned, with a reduced or the full vocabulary."""

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformer_smaller_training_vocab import reduce_train_vocab
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer

from finetune import Collator, Timer, arguments
from harness import print_measurements, side_settings

TUNED = {"bf16": True, "group_by_length": True, "optim": "adamw_torch_fused", "warmup_ratio": 0.1}
"""Options of transformers 4."""
COMPARED_ROWS = 1000
"""Unused rows of the embedding table whose change is measured."""


def main(settings: dict[str, Any], data: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    tokenizer = AutoTokenizer.from_pretrained(settings["folder"])
    model = AutoModelForSequenceClassification.from_pretrained(settings["folder"], num_labels=data["labels"])
    unused_rows = _unused_rows(tokenizer, data)[:COMPARED_ROWS]
    before = model.bert.embeddings.word_embeddings.weight.detach()[unused_rows]
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    texts = [tuple(pair) for split in ("train", "test") for pair in data[split]["texts"]]
    with reduce_train_vocab(model, tokenizer, texts) if settings["reduced"] else nullcontext():
        collator, timer = Collator(tokenizer), Timer()
        trainer = Trainer(
            model=model,
            args=arguments(settings, **TUNED),
            data_collator=collator,
            train_dataset=_dataset(data["train"], tokenizer),
            callbacks=[timer],
        )
        setup_seconds = time.perf_counter() - wall_start
        trainer.train()
        training_end = time.perf_counter()
    seconds = setup_seconds + timer.seconds + time.perf_counter() - training_end
    cpu_seconds = time.process_time() - cpu_start
    tokens = sum(collator.tokens[: settings["steps"]])
    change = model.bert.embeddings.word_embeddings.weight.detach()[unused_rows] - before
    output = trainer.predict(_dataset(data["test"], tokenizer))
    print_measurements(
        us_per_token=1e6 * seconds / tokens,
        cpu_us_per_token=1e6 * cpu_seconds / tokens,
        steps=settings["steps"],
        seconds=seconds,
        overhead_seconds=seconds - timer.seconds,
        accuracy=float((output.predictions.argmax(-1) == output.label_ids).mean()),
        unused_rows_moved=float(change.norm() / before.norm()),
    )


def _unused_rows(tokenizer: Callable[..., Any], data: dict[str, Any]) -> list[int]:
    """Rows of the embedding table that no training text uses."""
    firsts, seconds = zip(*data["train"]["texts"], strict=True)
    used = {token for ids in tokenizer(list(firsts), list(seconds))["input_ids"] for token in ids}
    return sorted(set(range(100, data["rows"])) - used)


def _dataset(split: dict[str, list[Any]], tokenizer: Callable[..., Any]) -> Dataset:
    firsts, seconds = zip(*split["texts"], strict=True)
    ids = tokenizer(list(firsts), list(seconds), truncation=True, max_length=128)["input_ids"]
    return Dataset.from_dict({"input_ids": ids, "labels": split["targets"]})


if __name__ == "__main__":
    settings = side_settings() or {}
    main(settings, json.loads(Path(settings["data"]).read_text()))
