"""Vectors of texts: windows over long texts, pooled by a frozen encoder and cached by text."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
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
TokenIds = tuple[list[int], list[int] | None]
"""Token ids and token types of one input."""
CHARACTERS_PER_TOKEN = 20
"""Characters beyond so many per sub-word that can be read are not tokenised."""
PROBE = 32
LAYOUT = 2
"""Of the cache's files."""
CHUNK = 4096
"""Texts that are tokenised and encoded at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How many texts took more than one window, and how many were cut off."""

    windowed: int = 0
    truncated: int = 0

    def plus(self, other: "Cut") -> "Cut":
        return Cut(windowed=self.windowed + other.windowed, truncated=self.truncated + other.truncated)


@dataclass(slots=True)
class Rate:
    """How fast an encoder has been so far; texts from the cache do not count."""

    texts: int = 0
    seconds: float = 0.0

    @property
    def seconds_per_text(self) -> float:
        return self.seconds / self.texts if self.texts else 0.0


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
    rate: Rate = field(default_factory=Rate)

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
        for start in range(0, len(missing), CHUNK):
            chunk, began = missing[start : start + CHUNK], time.monotonic()
            encoded = self._encode(chunk, lambda done, start=start: report(start + done, len(missing)))
            self.rate.texts += len(chunk)
            self.rate.seconds += time.monotonic() - began
            known |= dict(zip(chunk, encoded, strict=True))
            self._write(chunk, encoded)
        if not texts:
            return torch.zeros(0, self.width), Cut()
        windows = [known[text][1] for text in unique]
        cut = Cut(windowed=sum(count > 1 for count in windows), truncated=sum(count > self._most for count in windows))
        return torch.stack([known[text][0] for text in texts]), cut

    def subwords(self, texts: Sequence[Text]) -> list[list[str]]:
        """The sub-words of each text in lower case, whatever its length; of pairs, those of the first text."""
        lower = [text[: self._longest].lower() for text, _ in texts]
        if not lower:
            return []
        encoded = self.tokenizer(lower, add_special_tokens=False, verbose=False)
        if encoded.encodings is None:  # a tokenizer in Python
            ids = cast(list[list[int]], encoded["input_ids"])
            return [cast(list[str], self.tokenizer.convert_ids_to_tokens(row)) for row in ids]
        return [encoding.tokens for encoding in encoded.encodings]

    def probe(self, texts: Sequence[Text]) -> float:
        """Seconds per text, measured on a few texts if all others came from the cache."""
        if not self.rate.texts and texts:
            few = texts[:: max(1, len(texts) // PROBE)][:PROBE]
            self._encode(few[:1], lambda done: None)  # the first pass is slower than all others
            began = time.monotonic()
            self._encode(few, lambda done: None)
            self.rate.texts += len(few)
            self.rate.seconds += time.monotonic() - began
        return self.rate.seconds_per_text

    def cut(self, texts: Sequence[Text]) -> Cut:
        """How many of the texts take more than one window, and how many would be cut off. Encodes nothing."""
        counts = self._windows(texts)[2]
        return Cut(windowed=sum(count > 1 for count in counts), truncated=sum(count > self._most for count in counts))

    @property
    def _tokens(self) -> int:
        return min(self.windows.tokens, self.tokenizer.model_max_length)

    @property
    def _longest(self) -> int:
        """Characters that are read."""
        return CHARACTERS_PER_TOKEN * self._tokens * self._most

    @property
    def _most(self) -> int:
        return self.windows.most

    def _encode(self, texts: Sequence[Text], report: Callable[[int], None]) -> list[tuple[Tensor, int]]:
        """The vector of each text, and its number of windows."""
        sequences, owners, counts = self._windows(texts)
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
        return list(zip(total / weight[:, None], counts, strict=True))

    def _windows(self, texts: Sequence[Text]) -> tuple[list[TokenIds], list[int], list[int]]:
        """Token ids and types of the windows that are read, the text of each, and the windows of each text; one more
        than `Windows.most` stands for any number. A pair is one input of twice the length, and cut off after that."""
        if any(pair is not None for _, pair in texts):
            return self._pairs(texts)
        tokens, longest = self._tokens, self._longest
        encoded = self.tokenizer(
            [text[:longest] for text, _ in texts],
            max_length=tokens,
            truncation=True,
            stride=self.windows.overlap,
            return_overflowing_tokens=True,
        )
        sequences, owners = _sequences(encoded), cast(list[int], encoded["overflow_to_sample_mapping"])
        counts, kept = [0] * len(texts), []
        for index, owner in enumerate(owners):
            counts[owner] += 1
            if counts[owner] <= self._most:
                kept.append(index)
        counts = [
            self._most + 1 if len(text) > longest else min(count, self._most + 1)
            for count, (text, _) in zip(counts, texts, strict=True)
        ]
        return [sequences[index] for index in kept], [owners[index] for index in kept], counts

    def _pairs(self, texts: Sequence[Text]) -> tuple[list[TokenIds], list[int], list[int]]:
        limit = min(2 * self.windows.tokens, self.tokenizer.model_max_length)
        longest = CHARACTERS_PER_TOKEN * limit
        encoded = self.tokenizer(
            [text[:longest] for text, _ in texts],
            [(pair or "")[:longest] for _, pair in texts],
            truncation="longest_first",
            max_length=limit + 1,
        )
        sequences = _sequences(encoded)
        counts = [self._most + 1 if len(ids) > limit else 1 for ids, _ in sequences]
        if max(counts) > 1:
            shorter = self.tokenizer(
                [text[:longest] for text, _ in texts],
                [(pair or "")[:longest] for _, pair in texts],
                truncation="longest_first",
                max_length=limit,
            )
            sequences = _sequences(shorter)
        return sequences, list(range(len(texts))), counts

    def _batch(self, sequences: Sequence[TokenIds]) -> dict[str, Tensor]:
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

    def _read(self, texts: Sequence[Text]) -> dict[Text, tuple[Tensor, int]]:
        if self.cache is None or not texts:
            return {}
        known: dict[Text, tuple[Tensor, int]] = {}
        with closing(self._connect()) as connection:
            for text in texts:
                query = "select vector, windows from vectors where text = ?"
                row = connection.execute(query, (self._key(text),)).fetchone()
                if row is not None:
                    known[text] = torch.from_numpy(np.frombuffer(row[0], np.float32).copy()), row[1]
        return known

    def _write(self, texts: Sequence[Text], encoded: Sequence[tuple[Tensor, int]]) -> None:
        if self.cache is None:
            return
        rows = (
            (self._key(text), vector.numpy().tobytes(), windows)
            for text, (vector, windows) in zip(texts, encoded, strict=True)
        )
        with closing(self._connect()) as connection, connection:
            connection.executemany("insert or ignore into vectors values (?, ?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        """One file for each encoder and way of reading texts. It holds hashes of texts, not texts."""
        assert self.cache is not None
        self.cache.mkdir(parents=True, exist_ok=True)
        state = f"{LAYOUT} {self.name} {self.pooling} {self.windows.model_dump_json()} {self.precision}"
        path = self.cache / f"{hashlib.sha256(state.encode()).hexdigest()[:16]}.sqlite"
        connection = sqlite3.connect(path, timeout=60)
        columns = "text blob primary key, vector blob, windows integer"
        connection.execute(f"create table if not exists vectors ({columns}) without rowid")
        return connection

    @staticmethod
    def _key(text: Text) -> bytes:
        return hashlib.sha256(
            "\0".join(part for part in text if part is not None).encode("utf-8", "surrogatepass")
        ).digest()


def _sequences(encoded: Any) -> list[TokenIds]:
    ids, types = encoded["input_ids"], encoded.get("token_type_ids")
    return list(zip(ids, types if types else [None] * len(ids), strict=True))
