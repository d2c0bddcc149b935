"""The Trainer's side of `bench/finetune.py`: what it measures of one run, printed as JSON."""

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

from harness import asked, tell

BEST = {"bf16": True, "train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused"}


class Timer(TrainerCallback):
    """Seconds, and the processor's, from the first step's begin to the last one's end."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.begun, self.processor = time.perf_counter(), time.process_time()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds, self.processor = time.perf_counter() - self.begun, time.process_time() - self.processor


class Collator(DataCollatorWithPadding):
    """Dynamic padding that keeps the number of sub-words of each batch; one more may be fetched than is trained."""

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
        args=arguments(settings, warmup_steps=0.1, **(BEST if settings["best"] else {})),
        data_collator=collator,
        train_dataset=_dataset(data["train"]),
        callbacks=[timer],
    )
    trainer.train()
    tokens = sum(collator.tokens[: settings["steps"]])
    found = trainer.predict(_dataset(data["test"]))
    accuracy = (found.predictions.argmax(-1) == found.label_ids).mean()
    tell(
        tokens_a_second=tokens / timer.seconds,
        us_a_token=1e6 * timer.seconds / tokens,
        cpu_us=1e6 * timer.processor / tokens,
        steps=settings["steps"],
        seconds=timer.seconds,
        beside_steps=0.0,
        accuracy=float(accuracy),
    )


def arguments(settings: dict[str, Any], **own: Any) -> TrainingArguments:
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
        **own,
    )


def _dataset(split: dict[str, list[Any]]) -> Dataset:
    return Dataset.from_dict({"input_ids": split["ids"], "labels": split["targets"]})


if __name__ == "__main__":
    chosen = asked() or {}
    main(chosen, json.loads(Path(chosen["data"]).read_text()))
