"""Tagging: words and, one for each, their tags (BIO where the tags are spans)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import Cells
from xstilts.problems.features import IGNORE_INDEX, Feature, label_position, label_positions, token_types

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged(Example):
    """Words and, one for each, their tags (BIO where the tags are spans). `tags` is None where there are no labels."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None

    @property
    def target(self) -> tuple[str, ...] | None:
        return self.tags

    @property
    def texts(self) -> tuple[str, ...]:
        return (" ".join(self.words),)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.tags or ()


class Tagging(Problem[Tagged]):
    name = "tagging"
    example = Tagged
    metrics = ("span_f1", "token_accuracy")
    columns = ("words",)
    label_columns = ("tags",)
    head = "token"
    shots_unit = "sentences"
    pipeline_tag = "token-classification"
    splits_long_texts = True
    position_columns = ("words",)
    translated_columns = ("words", "tags")

    def read(self, cells: Cells, name: str, language: str) -> Tagged:
        words = cells.words("words")
        tags = cells.words("tags") if "tags" in cells.columns else None
        if tags is not None and len(tags) != len(words):
            raise cells.error(f"{len(words)} words but {len(tags)} tags", "give each word a tag")
        group = cells.group(" ".join(words))
        return Tagged(id=cells.item_id(name), group=group, language=language, words=words, tags=tags)

    def encode(
        self,
        examples: Sequence[Tagged],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        index = label_positions(labels)
        parts = [
            (row, start, words) for row, e in enumerate(examples) for start, words in _parts(e, tokenizer, max_length)
        ]
        encoded = tokenizer(
            [list(words) for _, _, words in parts], is_split_into_words=True, truncation=True, max_length=max_length
        )
        return [
            _feature(row, start, examples[row], encoded, number, index) for number, (row, start, _) in enumerate(parts)
        ]

    def stored_target(self, values: list[int]) -> list[int]:
        return values

    def targets(self, features: Sequence[Feature]) -> Mapping[str, Sequence[Any]]:
        """One number for each sub-word; padding is ignored."""
        rows: list[list[int]] = [feature.target for feature in features]  # type: ignore[misc]
        longest = max(map(len, rows))
        return {"labels": [row + [IGNORE_INDEX] * (longest - len(row)) for row in rows]}

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[Tagged],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[list[str]]:
        """A tag for each word of each example."""
        tags: dict[int, dict[int, str]] = defaultdict(dict)
        for feature, row in zip(features, outputs["logits"], strict=True):
            best: list[int] = row.argmax(-1).tolist()  # type: ignore[assignment]
            tags[feature.example].update((word, labels[best[position]]) for position, word in feature.words)
        return [[tags[number][word] for word in sorted(tags[number])] for number in range(len(examples))]

    def gold(self, examples: Sequence[Tagged]) -> list[list[str]]:
        return [list(example.tags or ()) for example in examples]

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        from xstilts.metrics.spans import span_statistics

        return span_statistics(pairs)


def _feature(
    row: int, start: int, example: Tagged, encoded: "BatchEncoding", number: int, index: dict[str, int]
) -> Feature:
    ids: list[int] = encoded["input_ids"][number]  # type: ignore[index]
    first: dict[int, int] = {}
    for position, word in enumerate(encoded.word_ids(number)):
        if word is not None:
            first.setdefault(word, position)
    target = None
    if index and example.tags is not None:
        target = [IGNORE_INDEX] * len(ids)
        for word, position in first.items():
            target[position] = label_position(index, example.tags[start + word], example.id, example.language)
    words = tuple((position, start + word) for word, position in first.items())
    return Feature(example=row, ids=(ids,), types=token_types(encoded, number), target=target, words=words)


def _parts(
    example: Tagged, tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Cut a sentence between words so that every word is scored, with the index of each part's first word.

    A word of which the tokenizer leaves nothing stands as the unknown token.
    """
    room = max_length - tokenizer.num_special_tokens_to_add()
    counts = [0] * len(example.words)
    pieces = tokenizer(list(example.words), is_split_into_words=True, add_special_tokens=False)
    for word in pieces.word_ids(0):
        if word is not None:
            counts[word] += 1
    words = [word if count else str(tokenizer.unk_token) for word, count in zip(example.words, counts, strict=True)]
    start, used = 0, 0
    for position, count in enumerate(counts):
        size = max(count, 1)
        if used and used + size > room:
            yield start, tuple(words[start:position])
            start, used = position, 0
        used += size
    yield start, tuple(words[start:])
