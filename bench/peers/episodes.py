"""The peer of `bench/episodes.py`: trains one episode after another with Trainer and peft."""

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

from harness import Clock, JsonDict, print_measurements, side_settings


def main(settings: JsonDict, episodes: list[JsonDict]) -> None:
    torch.set_num_threads(settings["threads"])
    runs = [_run_episode(settings, episode) for episode in episodes]
    print_measurements(seconds=sum(run["seconds"] for run in runs), episodes=runs)


def _run_episode(settings: JsonDict, episode: JsonDict) -> JsonDict:
    """The accuracy, and the seconds of tokenisation, training and prediction (without loading the checkpoint)."""
    tokenizer = AutoTokenizer.from_pretrained(settings["checkpoint"])
    model = AutoModelForSequenceClassification.from_pretrained(settings["checkpoint"], dtype=torch.float32)
    label_ids = model.config.label2id
    with Clock() as clock:
        shots, test = (_dataset(episode[name], tokenizer, label_ids) for name in ("shots", "test"))
        trainer = Trainer(
            model=_trainable_model(model, settings),
            args=_arguments(settings, episode["draw"]),
            train_dataset=shots,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.train()
        output = trainer.predict(test)
    return {"seconds": clock.seconds, "accuracy": float((output.predictions.argmax(-1) == output.label_ids).mean())}


def _trainable_model(model: PreTrainedModel, settings: JsonDict) -> PreTrainedModel:
    """The model in which only the head is trained, or the head and LoRA adapters above the frozen layers."""
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


def _dataset(rows: list[tuple[str, str]], tokenizer: AutoTokenizer, label_ids: dict[str, int]) -> Dataset:
    texts, labels = zip(*rows, strict=True)
    encoding = dict(tokenizer(list(texts), truncation=True, max_length=64))
    return Dataset.from_dict(encoding | {"labels": [label_ids.get(label, -1) for label in labels]})


def _arguments(settings: JsonDict, seed: int) -> TrainingArguments:
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
    settings = side_settings() or {}
    main(settings, json.loads(Path(settings["data"]).read_text()))
