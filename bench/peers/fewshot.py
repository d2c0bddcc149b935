"""SetFit's side of `bench/fewshot.py`: every episode with the published weights, mean pooling and a logistic head."""

import json
import time
from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.linear_model import LogisticRegression

from harness import Clock, Measured, asked, tell


def main(settings: Measured, episodes: list[Measured]) -> None:
    torch.set_num_threads(settings["threads"])
    tell(episodes=[_episode(settings, episode) for episode in episodes])


def _episode(settings: Measured, episode: Measured) -> Measured:
    """Its predictions, and the seconds of training and prediction."""
    text = Transformer(settings["folder"], max_seq_length=64)
    body = SentenceTransformer(modules=[text, Pooling(text.get_embedding_dimension())], device="cpu")
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
    processor = time.process_time()
    with Clock() as clock:
        Trainer(model=model, args=arguments, train_dataset=shots).train()
        predicted = model.predict(test, show_progress_bar=False)
    seconds = {"seconds": clock.seconds, "cpu_seconds": time.process_time() - processor}
    return {"predicted": list(map(str, predicted))} | seconds


if __name__ == "__main__":
    chosen = asked() or {}
    main(chosen, json.loads(Path(chosen["data"]).read_text())["episodes"])
