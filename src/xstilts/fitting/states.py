"""Vectors of texts: windows over long texts, pooled by a frozen encoder and cached by text."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.batches import scoring_batches
from xstilts.fitting.facts import Windows
from xstilts.models.families import Pooling
from xstilts.models.inputs import autocast
from xstilts.models.pooling import pool

Text = tuple[str, str | None]
"""A text, or a pair of texts."""
CHUNK = 4096
"""Texts that are tokenised and encoded at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How many texts took more than one window, and how many were cut off."""

    windowed: int = 0
    truncated: int = 0

    def plus(self, other: "Cut") -> "Cut":
        return Cut(windowed=self.windowed + other.windowed, truncated=self.truncated + other.truncated)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEncoder:
    """An encoder that maps texts to vectors. `name` identifies its weights in the cache; None for no cache."""

    encoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    pooling: Pooling
    windows: Windows
    precision: str
    device: str = "cpu"
    name: str | None = None
    cache: Path | None = None

    @property
    def width(self) -> int:
        return self.encoder.config.hidden_size

    def vectors(
        self, texts: Sequence[Text], report: Callable[[int, int], None] = lambda done, total: None
    ) -> tuple[Tensor, Cut]:
        """[texts, width] in float32 on the CPU. `report` is called with the encoded texts and their number."""
        unique = list(dict.fromkeys(texts))
        known = self._read(unique)
        missing = [text for text in unique if text not in known]
        cut = Cut()
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            vectors, chunk_cut = self._encode(chunk, lambda done, start=start: report(start + done, len(missing)))
            cut = cut.plus(chunk_cut)
            known |= dict(zip(chunk, vectors, strict=True))
            self._write(chunk, vectors)
        if not texts:
            return torch.zeros(0, self.width), cut
        return torch.stack([known[text] for text in texts]), cut

    def cut(self, texts: Sequence[Text]) -> Cut:
        """How many of the texts take more than one window, and how many would be cut off. Encodes nothing."""
        return self._windows(texts)[2]

    def _encode(self, texts: Sequence[Text], report: Callable[[int], None]) -> tuple[Tensor, Cut]:
        sequences, owners, cut = self._windows(texts)
        lengths = [len(ids) for ids, _ in sequences]
        total = torch.zeros(len(texts), self.width)
        weight, done = torch.zeros(len(texts)), 0
        for indices in scoring_batches(lengths):
            batch = self._batch([sequences[index] for index in indices])
            with torch.inference_mode(), autocast(self.device, self.precision):
                states = self.encoder(**batch).last_hidden_state.float()
            pooled = pool(states, batch["attention_mask"], self.pooling).cpu()
            rows = torch.tensor([owners[index] for index in indices])
            tokens = torch.tensor([float(lengths[index]) for index in indices])
            total.index_add_(0, rows, pooled * tokens[:, None])
            weight.index_add_(0, rows, tokens)
            done += len(indices)
            report(done * len(texts) // len(sequences))
        return total / weight[:, None], cut

    def _windows(self, texts: Sequence[Text]) -> tuple[list[tuple[list[int], list[int] | None]], list[int], Cut]:
        """Token ids and types of all windows, and the number of the text of each."""
        tokens = min(self.windows.tokens, self.tokenizer.model_max_length)
        pairs = [pair for _, pair in texts]
        is_pair = any(pair is not None for pair in pairs)
        options: dict[str, Any] = {"truncation": "longest_first"} if is_pair else {"truncation": True}
        if not is_pair:
            options |= {"stride": self.windows.overlap, "return_overflowing_tokens": True}
        encoded = self.tokenizer(
            [text for text, _ in texts],
            [pair or "" for pair in pairs] if is_pair else None,
            max_length=tokens if not is_pair else min(2 * tokens, self.tokenizer.model_max_length),
            **options,
        )
        ids = cast(list[list[int]], encoded["input_ids"])
        types = cast(list[list[int]] | None, encoded.get("token_type_ids"))
        owners = cast(list[int], encoded.get("overflow_to_sample_mapping", list(range(len(ids)))))
        seen = [0] * len(texts)
        kept: list[int] = []
        for index, owner in enumerate(owners):
            seen[owner] += 1
            if seen[owner] <= self.windows.most:
                kept.append(index)
        truncated = sum(count > self.windows.most for count in seen)
        if is_pair:
            truncated = sum(len(row) == min(2 * tokens, self.tokenizer.model_max_length) for row in ids)
        cut = Cut(windowed=sum(count > 1 for count in seen), truncated=truncated)
        sequences = [(ids[index], types[index] if types else None) for index in kept]
        return sequences, [owners[index] for index in kept], cut

    def _batch(self, sequences: Sequence[tuple[list[int], list[int] | None]]) -> dict[str, Tensor]:
        longest = max(len(ids) for ids, _ in sequences)
        pad = cast(int, self.tokenizer.pad_token_id)

        def padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
            return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows], device=self.device)

        batch = {
            "input_ids": padded([ids for ids, _ in sequences], pad),
            "attention_mask": padded([[1] * len(ids) for ids, _ in sequences], 0),
        }
        if sequences[0][1] is not None:
            batch["token_type_ids"] = padded([types or [] for _, types in sequences], 0)
        return batch

    def _read(self, texts: Sequence[Text]) -> dict[Text, Tensor]:
        if self.cache is None or not texts:
            return {}
        known: dict[Text, Tensor] = {}
        with closing(self._connect()) as connection:
            for text in texts:
                row = connection.execute("select vector from vectors where text = ?", (self._key(text),)).fetchone()
                if row is not None:
                    known[text] = torch.from_numpy(np.frombuffer(row[0], np.float32).copy())
        return known

    def _write(self, texts: Sequence[Text], vectors: Tensor) -> None:
        if self.cache is None:
            return
        rows: Iterator[tuple[bytes, bytes]] = (
            (self._key(text), vector.numpy().tobytes()) for text, vector in zip(texts, vectors, strict=True)
        )
        with closing(self._connect()) as connection, connection:
            connection.executemany("insert or ignore into vectors values (?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        """One file for each encoder and way of reading texts. It holds hashes of texts, not texts."""
        assert self.cache is not None
        self.cache.mkdir(parents=True, exist_ok=True)
        state = f"{self.name} {self.pooling} {self.windows.model_dump_json()} {self.precision}"
        path = self.cache / f"{hashlib.sha256(state.encode()).hexdigest()[:16]}.sqlite"
        connection = sqlite3.connect(path, timeout=60)
        connection.execute("create table if not exists vectors (text blob primary key, vector blob) without rowid")
        return connection

    @staticmethod
    def _key(text: Text) -> bytes:
        return hashlib.sha256(
            "\0".join(part for part in text if part is not None).encode("utf-8", "surrogatepass")
        ).digest()
