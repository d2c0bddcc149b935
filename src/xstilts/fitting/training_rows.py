"""The labelled rows that a model was fitted to, with their vectors, to find those that are similar to a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

ROWS_FILE, VECTORS_FILE = "training.parquet", "training.safetensors"
NEAREST = 3
MOST = 50_000
"""Rows that are kept, evenly spaced; all rows of the target language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """Texts, labels and languages of training rows, and their vectors of length 1 in float16: [rows, width]."""

    texts: Sequence[str]
    labels: Sequence[str]
    languages: Sequence[str]
    vectors: Tensor

    def nearest(self, vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Cosine similarities and row numbers of the `count` most similar rows: [texts, count] each."""
        count = min(count, len(self.texts))
        if not count:
            return torch.zeros(len(vectors), 0), torch.zeros(len(vectors), 0, dtype=torch.long)
        similarity = torch.nn.functional.normalize(vectors, dim=-1) @ self.vectors.float().T
        return similarity.topk(count, dim=-1)


def training_rows(
    texts: Sequence[str], labels: Sequence[str], languages: Sequence[str], vectors: Tensor, language: str
) -> TrainingRows:
    """The rows of `language`, and as many of the others as `MOST` allows."""
    own = [row for row, name in enumerate(languages) if name == language]
    others = [row for row, name in enumerate(languages) if name != language]
    room = max(0, MOST - len(own))
    step = max(1, -(-len(others) // room)) if room else len(others) + 1
    kept = sorted([*own, *others[::step]])
    unit = torch.nn.functional.normalize(vectors, dim=-1)
    return TrainingRows(
        texts=[texts[row] for row in kept],
        labels=[labels[row] for row in kept],
        languages=[languages[row] for row in kept],
        vectors=unit[kept].half(),
    )


def write_training_rows(rows: TrainingRows, folder: Path) -> None:
    frame = pl.DataFrame({"text": list(rows.texts), "label": list(rows.labels), "language": list(rows.languages)})
    frame.write_parquet(folder / ROWS_FILE)
    save_file({"vectors": rows.vectors.contiguous()}, folder / VECTORS_FILE)


def read_training_rows(folder: Path) -> TrainingRows:
    """Empty if the folder has none, as after someone has removed the texts."""
    if not (folder / ROWS_FILE).is_file() or not (folder / VECTORS_FILE).is_file():
        return TrainingRows(texts=(), labels=(), languages=(), vectors=torch.zeros(0, 1))
    frame = pl.read_parquet(folder / ROWS_FILE)
    return TrainingRows(
        texts=frame["text"].to_list(),
        labels=frame["label"].to_list(),
        languages=frame["language"].to_list(),
        vectors=load_file(folder / VECTORS_FILE)["vectors"],
    )
