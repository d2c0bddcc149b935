"""A peer of `bench/accuracy_peers.py`: transformers' Trainer on English, then on the shots, in limited time.

English training gets 80% of our seconds for English, times the multiple. Of the given learning rates, the one with the
lowest loss on the held-out English examples is kept; the search is not counted. The shots get the rest of the
episode's seconds, at most ten epochs, with the same learning rate. Steps are seconds at a measured rate.
"""

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
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    set_seed,
)

from finetune import RATE_STEPS, Steps, arguments
from harness import JsonDict, print_measurements, side_settings

ENGLISH_BATCH, SHOTS_BATCH = 16, 8
ENGLISH_SHARE, EPOCHS = 0.8, 10

Rows = list[list[str]]
"""Text and label."""


class Peer:
    """A model that is trained in one run after another."""

    def __init__(self, settings: JsonDict, labels: list[str]) -> None:
        self.settings, self.labels = settings, labels
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(settings["folder"])
        self.model = self.fresh_model()

    def fresh_model(self) -> PreTrainedModel:
        set_seed(0)
        return AutoModelForSequenceClassification.from_pretrained(
            self.settings["folder"], num_labels=len(self.labels), dtype=torch.float32
        )

    def trainer(self, rows: Rows, *, steps: int, batch: int, rate: float, seed: int = 0, **options: Any) -> Trainer:
        values = {"scratch": self.settings["scratch"], "steps": steps, "batch": batch, "rate": rate, "seed": seed}
        return Trainer(
            model=self.model,
            args=arguments(values, warmup_steps=0.1, bf16=self.settings["bf16"], disable_tqdm=True),
            data_collator=DataCollatorWithPadding(self.tokenizer),
            train_dataset=self.dataset(rows),
            **options,
        )

    def dataset(self, rows: Rows) -> Dataset:
        texts, labels = zip(*rows, strict=True)
        encoding = dict(self.tokenizer(list(texts), truncation=True, max_length=self.settings["max_length"]))
        return Dataset.from_dict(encoding | {"labels": [self.labels.index(label) for label in labels]})

    def predict(self, trainer: Trainer, texts: list[str]) -> list[str]:
        output = trainer.predict(self.dataset([[text, self.labels[0]] for text in texts]))
        return [self.labels[number] for number in output.predictions.argmax(-1)]

    def held_out(self, trainer: Trainer, rows: Rows) -> dict[str, float]:
        """Loss and accuracy."""
        output = trainer.predict(self.dataset(rows))
        accuracy = (output.predictions.argmax(-1) == output.label_ids).mean()
        return {"loss": output.metrics["test_loss"], "accuracy": float(accuracy)}

    def step_seconds(self, rows: Rows, batch: int) -> float:
        """Processor seconds of a step, without the first."""
        steps = Steps()
        self.trainer(rows, steps=RATE_STEPS, batch=batch, rate=1e-5, callbacks=[steps]).train()
        return (steps.ends[-1] - steps.ends[0]) / (RATE_STEPS - 1)


def main(settings: JsonDict, data: JsonDict) -> None:
    torch.set_num_threads(settings["threads"])
    peer = Peer(settings, sorted({label for _, label in data["english"]}))
    most_shots = max((episode["shots"] for episode in data["episodes"]), key=len)
    english_step = peer.step_seconds(data["train"], ENGLISH_BATCH)
    shots_step = peer.step_seconds(most_shots, SHOTS_BATCH)
    steps = max(1, int(ENGLISH_SHARE * data["english_seconds"] / english_step))
    held_out: dict[float, dict[str, float]] = {}
    best: JsonDict = {}
    for rate in settings["rates"]:
        peer.model = peer.fresh_model()
        trainer = peer.trainer(data["train"], steps=steps, batch=ENGLISH_BATCH, rate=rate)
        started = time.process_time()
        trainer.train()
        seconds = time.process_time() - started
        held_out[rate] = peer.held_out(trainer, data["dev"])
        if not best or held_out[rate]["loss"] < held_out[best["rate"]]["loss"]:
            weights = {name: tensor.clone() for name, tensor in peer.model.state_dict().items()}
            best = {"rate": rate, "seconds": seconds, "weights": weights}
    episodes = [_run_episode(peer, episode, best, shots_step) for episode in data["episodes"]]
    print_measurements(
        rate=best["rate"],
        english_steps=steps,
        english_seconds=best["seconds"],
        step_seconds=[english_step, shots_step],
        accuracy=held_out[best["rate"]]["accuracy"],
        held_out=held_out,
        episodes=episodes,
    )


def _run_episode(peer: Peer, episode: JsonDict, english: JsonDict, step_seconds: float) -> JsonDict:
    """The seconds include those of the English training."""
    peer.model.load_state_dict(english["weights"])
    epoch = -(-len(episode["shots"]) // SHOTS_BATCH)
    steps = min(EPOCHS * epoch, max(1, int((episode["seconds"] - english["seconds"]) / step_seconds)))
    started = time.process_time()
    trainer = peer.trainer(episode["shots"], steps=steps, batch=SHOTS_BATCH, rate=english["rate"], seed=episode["draw"])
    trainer.train()
    trained = time.process_time()
    return {
        "predicted": peer.predict(trainer, episode["test"]),
        "seconds": english["seconds"] + trained - started,
        "prediction_seconds": time.process_time() - trained,
        "steps": steps,
    }


if __name__ == "__main__":
    settings = side_settings() or {}
    main(settings, json.loads(Path(settings["data"]).read_text()))
