"""transformers' Trainer at its best, with the vocabulary of the training texts or with all of it, printed as JSON."""

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
from harness import asked, tell

BEST = {"bf16": True, "group_by_length": True, "optim": "adamw_torch_fused", "warmup_ratio": 0.1}
"""By the names of transformers 4."""
ROWS = 1000
"""Of the table, that are compared."""


def main(settings: dict[str, Any], data: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    tokenizer = AutoTokenizer.from_pretrained(settings["folder"])
    model = AutoModelForSequenceClassification.from_pretrained(settings["folder"], num_labels=data["labels"])
    unused = _unused(tokenizer, data)[:ROWS]
    before = model.bert.embeddings.word_embeddings.weight.detach()[unused]
    begun, processor = time.perf_counter(), time.process_time()
    texts = [tuple(pair) for split in ("train", "test") for pair in data[split]["texts"]]
    with reduce_train_vocab(model, tokenizer, texts) if settings["reduced"] else nullcontext():
        collator, timer = Collator(tokenizer), Timer()
        trainer = Trainer(
            model=model,
            args=arguments(settings, **BEST),
            data_collator=collator,
            train_dataset=_dataset(data["train"], tokenizer),
            callbacks=[timer],
        )
        reduced = time.perf_counter() - begun
        trainer.train()
        trained = time.perf_counter()
    spent = reduced + timer.seconds + time.perf_counter() - trained
    tokens = sum(collator.tokens[: settings["steps"]])
    moved = model.bert.embeddings.word_embeddings.weight.detach()[unused] - before
    found = trainer.predict(_dataset(data["test"], tokenizer))
    tell(
        us_a_token=1e6 * spent / tokens,
        cpu_us=1e6 * (time.process_time() - processor) / tokens,
        steps=settings["steps"],
        seconds=spent,
        beside_steps=spent - timer.seconds,
        accuracy=float((found.predictions.argmax(-1) == found.label_ids).mean()),
        unused_rows_moved=float(moved.norm() / before.norm()),
    )


def _unused(tokenizer: Callable[..., Any], data: dict[str, Any]) -> list[int]:
    """Rows of the table that no training text reads."""
    firsts, seconds = zip(*data["train"]["texts"], strict=True)
    used = {one for ids in tokenizer(list(firsts), list(seconds))["input_ids"] for one in ids}
    return sorted(set(range(100, data["rows"])) - used)


def _dataset(split: dict[str, list[Any]], tokenizer: Callable[..., Any]) -> Dataset:
    firsts, seconds = zip(*split["texts"], strict=True)
    ids = tokenizer(list(firsts), list(seconds), truncation=True, max_length=128)["input_ids"]
    return Dataset.from_dict({"input_ids": ids, "labels": split["targets"]})


if __name__ == "__main__":
    chosen = asked() or {}
    main(chosen, json.loads(Path(chosen["data"]).read_text()))
