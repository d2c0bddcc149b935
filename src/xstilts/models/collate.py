"""Features become padded tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import Feature

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingStyle:
    """How texts are filled up for a model that reads their padding."""

    tokens: int
    """Sub-words of every text afterwards."""
    left: bool
    """Whether the padding comes before the text."""


def collate(
    problem: ProblemName,
    features: Sequence[Feature],
    padding: int,
    *,
    labels: bool,
    padding_style: PaddingStyle | None = None,
) -> Batch:
    """`input_ids`, `attention_mask` (and `token_type_ids`) of shape [batch, tokens], or [batch, choices, tokens] for
    choices, and the labels under the names that transformers' heads expect.

    With `fill`, the padding is read as text is.
    """
    ids = _pad([f.ids for f in features], padding, padding_style)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids) if padding_style else mask(features)}
    if features[0].types is not None:
        batch["token_type_ids"] = _pad([f.types or () for f in features], 0, padding_style)
    if PROBLEMS[problem].head != "choice":
        batch = {name: tensor.squeeze(1) for name, tensor in batch.items()}
    if labels:
        batch |= targets(problem, features)
    return batch


def parts(batch: Batch, tokens: int) -> list[Batch]:
    """A batch in parts of as many examples, of at most so many tokens with their padding, or of one example.

    All have one length, that of the batch: memory that one part gives back serves the next.
    """
    examples, count = len(batch["attention_mask"]), batch["attention_mask"].numel()
    most = max(1, examples * tokens // count)
    rows = -(-examples // -(-examples // most))
    split = {name: tensor.split(rows) for name, tensor in batch.items()}
    return [dict(zip(split, part, strict=True)) for part in zip(*split.values(), strict=True)]


def pictures(features: Sequence[Feature], image_lookup: Callable[[Sequence[str]], Tensor]) -> Batch:
    """`images` [batch, images, tokens, channels] and `image_mask` [batch, images]; empty where none are shown.

    Padding comes before the images.
    """
    counts = [len(feature.images) for feature in features]
    if not any(counts):
        return {}
    found = iter(image_lookup([image for feature in features for image in feature.images]).split(counts))
    images = torch.nn.utils.rnn.pad_sequence([next(found) for _ in counts], batch_first=True, padding_side="left")
    shown = torch.arange(max(counts)) >= max(counts) - torch.tensor(counts)[:, None]
    return {"images": images, "image_mask": shown.long()}


def mask(features: Sequence[Feature]) -> Tensor:
    """[batch, choices or 1, tokens], 1 at sub-words and 0 at padding."""
    return _pad([tuple([1] * len(ids) for ids in f.ids) for f in features], 0)


def targets(problem: ProblemName, features: Sequence[Feature]) -> Batch:
    """The problem's `targets` as tensors."""
    return {name: torch.tensor(values) for name, values in PROBLEMS[problem].targets(features).items()}


def _pad(rows: Sequence[tuple[list[int], ...]], value: int, padding_style: PaddingStyle | None = None) -> Tensor:
    choices, length = max(map(len, rows)), max(len(ids) for row in rows for ids in row)
    length, left = (max(length, padding_style.tokens), padding_style.left) if padding_style else (length, False)
    padded = torch.full((len(rows), choices, length), value, dtype=torch.long)
    for number, row in enumerate(rows):
        for choice, ids in enumerate(row):
            start = length - len(ids) if left else 0
            padded[number, choice, start : start + len(ids)] = torch.tensor(ids, dtype=torch.long)
    return padded
