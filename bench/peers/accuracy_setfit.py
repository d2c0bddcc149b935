"""A peer of `bench/accuracy_peers.py`: SetFit on the English examples and the shots together, in limited time.

SetFit's own batch size, learning rate, pairs and logistic head. The number of contrastive steps is what remains of an
episode's seconds after encoding the examples for the head, at a measured rate; it can be 0. Matrix products are in bf16
if ours are.
"""

import json
import time
from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.linear_model import LogisticRegression
from transformers import TrainerCallback

from finetune import RATE_STEPS, Steps
from harness import JsonDict, print_measurements, side_settings

RATE_ROWS = 96


def main(settings: JsonDict, data: JsonDict) -> None:
    torch.set_num_threads(settings["threads"])
    step_seconds, row_seconds = _rates(settings, data["english"])
    episodes = []
    for episode in data["episodes"]:
        rows = data["english"] + episode["shots"]
        steps = max(0, int((episode["seconds"] - len(rows) * row_seconds) / step_seconds))
        episodes.append(_run_episode(settings, rows, episode, steps))
    print_measurements(step_seconds=step_seconds, row_seconds=row_seconds, episodes=episodes)


def _rates(settings: JsonDict, rows: list[list[str]]) -> tuple[float, float]:
    """Processor seconds of a step, without the first, and of encoding a text."""
    model, steps = _model(settings), Steps()
    _trainer(settings, model, rows, RATE_STEPS, 0, steps).train_embeddings(*map(list, zip(*rows, strict=True)))
    texts = [text for text, _ in rows[:: max(1, len(rows) // RATE_ROWS)]]
    started = time.process_time()
    model.encode(texts, show_progress_bar=False)
    return (steps.ends[-1] - steps.ends[0]) / (RATE_STEPS - 1), (time.process_time() - started) / len(texts)


def _run_episode(settings: JsonDict, rows: list[list[str]], episode: JsonDict, steps: int) -> JsonDict:
    model = _model(settings)
    started = time.process_time()
    trainer = _trainer(settings, model, rows, max(steps, 1), episode["draw"])
    if steps:
        trainer.train()
    else:
        trainer.train_classifier(*map(list, zip(*rows, strict=True)))
    trained = time.process_time()
    predicted = model.predict(episode["test"], show_progress_bar=False)
    return {
        "predicted": list(map(str, predicted)),
        "seconds": trained - started,
        "prediction_seconds": time.process_time() - trained,
        "steps": steps,
        "losses": [log["embedding_loss"] for log in trainer.st_trainer.state.log_history if "embedding_loss" in log],
    }


def _model(settings: JsonDict) -> SetFitModel:
    """The pretrained encoder with mean pooling and a logistic head."""
    encoder = Transformer(settings["folder"], max_seq_length=settings["max_length"])
    encoder.forward = torch.autocast("cpu", torch.bfloat16, enabled=settings["bf16"])(encoder.forward)
    body = SentenceTransformer(modules=[encoder, Pooling(encoder.get_embedding_dimension())], device="cpu")
    return SetFitModel(model_body=body, model_head=LogisticRegression())


def _trainer(
    settings: JsonDict, model: SetFitModel, rows: list[list[str]], steps: int, seed: int, *callbacks: TrainerCallback
) -> Trainer:
    arguments = TrainingArguments(
        output_dir=settings["scratch"],
        max_steps=steps,
        seed=seed,
        report_to="none",
        save_strategy="no",
        logging_steps=max(1, steps // 10),
        show_progress_bar=False,
    )
    texts, labels = zip(*rows, strict=True)
    train = Dataset.from_dict({"text": texts, "label": labels})
    return Trainer(model=model, args=arguments, train_dataset=train, callbacks=list(callbacks))


if __name__ == "__main__":
    settings = side_settings() or {}
    main(settings, json.loads(Path(settings["data"]).read_text()))
