"""The peer of `bench/finetune.py`: one run of transformers' Trainer. Prints its measurements."""

import json
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from harness import print_measurements, side_settings

TUNED = {"bf16": True, "train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused"}
RATE_STEPS = 4


class Timer(TrainerCallback):
    """Wall and CPU seconds from the beginning of the first step to the end of the last."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.wall_start, self.cpu_start = time.perf_counter(), time.process_time()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.perf_counter() - self.wall_start
        self.cpu_seconds = time.process_time() - self.cpu_start


class Steps(TrainerCallback):
    """The processor seconds at the end of each step, for the rate of a few steps."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.process_time())


class Collator(DataCollatorWithPadding):
    """Dynamic padding that records the number of sub-words of each batch. Trainer may fetch one batch too many."""

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        self.__dict__.setdefault("tokens", []).append(sum(len(feature["input_ids"]) for feature in features))
        return super().__call__(features)


def main(settings: dict[str, Any], data: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    model = AutoModelForSequenceClassification.from_pretrained(
        settings["folder"], num_labels=data["labels"], dtype=torch.float32
    )
    for module in (
        (model.bert.embeddings, *model.bert.encoder.layer[: settings["frozen"]]) if settings["frozen"] else ()
    ):
        module.requires_grad_(False)
    collator = Collator(AutoTokenizer.from_pretrained(settings["folder"]))
    timer = Timer()
    trainer = Trainer(
        model=model,
        args=arguments(settings, warmup_steps=0.1, **(TUNED if settings["tuned"] else {})),
        data_collator=collator,
        train_dataset=_dataset(data["train"]),
        callbacks=[timer],
    )
    trainer.train()
    tokens = sum(collator.tokens[: settings["steps"]])
    output = trainer.predict(_dataset(data["test"]))
    accuracy = (output.predictions.argmax(-1) == output.label_ids).mean()
    print_measurements(
        tokens_per_second=tokens / timer.seconds,
        us_per_token=1e6 * timer.seconds / tokens,
        cpu_us_per_token=1e6 * timer.cpu_seconds / tokens,
        steps=settings["steps"],
        seconds=timer.seconds,
        overhead_seconds=0.0,
        accuracy=float(accuracy),
    )


def arguments(settings: dict[str, Any], **options: Any) -> TrainingArguments:
    return TrainingArguments(
        output_dir=settings["scratch"],
        max_steps=settings["steps"],
        per_device_train_batch_size=settings["batch"],
        learning_rate=settings["rate"],
        weight_decay=0.01,
        lr_scheduler_type="linear",
        seed=settings["seed"],
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        **options,
    )


def _dataset(split: dict[str, list[Any]]) -> Dataset:
    return Dataset.from_dict({"input_ids": split["ids"], "labels": split["targets"]})


if __name__ == "__main__":
    settings = side_settings() or {}
    main(settings, json.loads(Path(settings["data"]).read_text()))
