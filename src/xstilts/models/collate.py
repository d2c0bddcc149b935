"""Collates features into padded batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import Feature

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingStyle:
    """Padding to a fixed length for a model that attends to padding."""

    tokens: int
    """Length of a padded text in sub-words."""
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
    multiple choice, and the labels with the names that transformers' heads expect.

    `padding` is the id of the padding token. With `padding_style`, padding is not masked.
    """
    ids = _pad([f.ids for f in features], padding, padding_style)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids) if padding_style else attention_mask(features)}
    if features[0].types is not None:
        batch["token_type_ids"] = _pad([f.types or () for f in features], 0, padding_style)
    if PROBLEMS[problem].head != "choice":
        batch = {name: tensor.squeeze(1) for name, tensor in batch.items()}
    if labels:
        batch |= target_tensors(problem, features)
    return batch


def micro_batches(batch: Batch, max_tokens: int) -> list[Batch]:
    """Split a batch evenly into micro-batches of at most `max_tokens` tokens with padding, or of one example.

    All keep the length of the batch, so that the allocator can reuse memory of one for the next.
    """
    examples, tokens = len(batch["attention_mask"]), batch["attention_mask"].numel()
    max_rows = max(1, examples * max_tokens // tokens)
    rows = -(-examples // -(-examples // max_rows))
    split = {name: tensor.split(rows) for name, tensor in batch.items()}
    return [dict(zip(split, tensors, strict=True)) for tensors in zip(*split.values(), strict=True)]


def image_batch(features: Sequence[Feature], image_lookup: Callable[[Sequence[str]], Tensor]) -> Batch:
    """`images` [batch, images, tokens, channels] and `image_mask` [batch, images], left-padded; {} without images."""
    counts = [len(feature.images) for feature in features]
    if not any(counts):
        return {}
    by_example = image_lookup([image for feature in features for image in feature.images]).split(counts)
    images = torch.nn.utils.rnn.pad_sequence(list(by_example), batch_first=True, padding_side="left")
    is_image = torch.arange(max(counts)) >= max(counts) - torch.tensor(counts)[:, None]
    return {"images": images, "image_mask": is_image.long()}


def attention_mask(features: Sequence[Feature]) -> Tensor:
    """[batch, choices or 1, tokens], 1 at sub-words and 0 at padding."""
    return _pad([tuple([1] * len(ids) for ids in f.ids) for f in features], 0)


def target_tensors(problem: ProblemName, features: Sequence[Feature]) -> Batch:
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
