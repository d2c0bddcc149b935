"""The peer of `bench/fewshot.py`: SetFit on every episode, with the pretrained weights and a logistic head."""

import json
import time
from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.linear_model import LogisticRegression

from harness import Clock, JsonDict, print_measurements, side_settings


def main(settings: JsonDict, episodes: list[JsonDict]) -> None:
    torch.set_num_threads(settings["threads"])
    print_measurements(episodes=[_run_episode(settings, episode) for episode in episodes])


def _run_episode(settings: JsonDict, episode: JsonDict) -> JsonDict:
    """The predictions, and the seconds of training and prediction."""
    encoder = Transformer(settings["folder"], max_seq_length=64)
    body = SentenceTransformer(modules=[encoder, Pooling(encoder.get_embedding_dimension())], device="cpu")
    model = SetFitModel(model_body=body, model_head=LogisticRegression(max_iter=100))
    arguments = TrainingArguments(
        output_dir=settings["scratch"],
        batch_size=16,
        num_epochs=1,
        max_steps=settings["steps"],
        seed=episode["draw"],
        report_to="none",
        save_strategy="no",
        show_progress_bar=False,
    )
    texts, labels = zip(*episode["shots"], strict=True)
    shots, test = Dataset.from_dict({"text": texts, "label": labels}), [text for text, _ in episode["test"]]
    started = time.process_time()
    with Clock() as clock:
        Trainer(model=model, args=arguments, train_dataset=shots).train()
        predicted = model.predict(test, show_progress_bar=False)
    seconds = {"seconds": clock.seconds, "cpu_seconds": time.process_time() - started}
    return {"predicted": list(map(str, predicted))} | seconds


if __name__ == "__main__":
    settings = side_settings() or {}
    main(settings, json.loads(Path(settings["data"]).read_text())["episodes"])
