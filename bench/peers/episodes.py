"""The side of `bench/episodes.py` that trains one episode after another with Trainer and peft."""

import json
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
)

from harness import Clock, Measured, asked, tell


def main(settings: Measured, episodes: list[Measured]) -> None:
    torch.set_num_threads(settings["threads"])
    found = [_episode(settings, episode) for episode in episodes]
    tell(seconds=sum(run["seconds"] for run in found), episodes=found)


def _episode(settings: Measured, episode: Measured) -> Measured:
    """The share of items that it has right, and the seconds from the loaded checkpoint to them."""
    tokenizer = AutoTokenizer.from_pretrained(settings["checkpoint"])
    model = AutoModelForSequenceClassification.from_pretrained(settings["checkpoint"], dtype=torch.float32)
    known = model.config.label2id
    with Clock() as clock:
        shots, test = (_dataset(episode[name], tokenizer, known) for name in ("shots", "test"))
        trainer = Trainer(
            model=_trained(model, settings),
            args=_arguments(settings, episode["draw"]),
            train_dataset=shots,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.train()
        found = trainer.predict(test)
    return {"seconds": clock.seconds, "right": float((found.predictions.argmax(-1) == found.label_ids).mean())}


def _trained(model: PreTrainedModel, settings: Measured) -> PreTrainedModel:
    """The model with the weights that the episode trains: those of the head, and adapters above the frozen layers."""
    if settings["method"] == "head":
        model.bert.embeddings.requires_grad_(False)
        model.bert.encoder.requires_grad_(False)
        return model
    layers = list(range(settings["frozen"], model.config.num_hidden_layers))
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=8,
        lora_alpha=16,
        target_modules=["query", "value"],
        layers_to_transform=layers,
        modules_to_save=["pooler", "classifier"],
    )
    return get_peft_model(model, config)


def _dataset(rows: list[tuple[str, str]], tokenizer: AutoTokenizer, known: dict[str, int]) -> Dataset:
    texts, labels = zip(*rows, strict=True)
    found = dict(tokenizer(list(texts), truncation=True, max_length=64))
    return Dataset.from_dict(found | {"labels": [known.get(label, -1) for label in labels]})


def _arguments(settings: Measured, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=settings["scratch"],
        max_steps=settings["steps"],
        per_device_train_batch_size=32,
        per_device_eval_batch_size=64,
        learning_rate=settings["rate"],
        weight_decay=0.01,
        warmup_steps=0.1,
        train_sampling_strategy="group_by_length",
        optim="adamw_torch_fused",
        bf16=settings["bf16"],
        seed=seed,
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


if __name__ == "__main__":
    chosen = asked() or {}
    main(chosen, json.loads(Path(chosen["data"]).read_text()))
