"""Tagging: one tag per word, in BIO format for spans."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xstilts.errors import DataError
from xstilts.plurals import plural
from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.features import IGNORE_INDEX, Feature, label_position, label_positions, token_types
from xstilts.problems.tag_schemes import TagError, to_bio
from xstilts.problems.trivial import TagLexicon

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged(Example):
    """Words with one tag per word, in BIO format for spans. `tags` is None if the split has no labels."""

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
    trivial_baseline = "most frequent tag"
    trivial_baseline_uses_shots = True

    def read(self, row: FileRow, name: str, language: str) -> Tagged:
        words = row.words("words")
        tags = row.tags("tags") if "tags" in row.columns else None
        if tags is not None and len(tags) != len(words):
            raise row.error(f"{plural(len(words), 'word')} but {plural(len(tags), 'tag')}", "give one tag per word")
        group = row.group(" ".join(words))
        return Tagged(id=row.item_id(name), group=group, language=language, words=words, tags=tags)

    def read_rows(self, rows: Sequence[tuple[FileRow, str]], language: str) -> tuple[list[Tagged], list[DataError]]:
        """Tags of spans as BIO, by the scheme that the whole file shows."""
        examples, errors = super().read_rows(rows, language)
        if errors or any(example.tags is None for example in examples):
            return examples, errors
        try:
            bio = to_bio([example.tags or () for example in examples])
        except TagError as error:
            return examples, [rows[error.sentence][0].error(error.message, error.hint)]
        for number in bio.repaired:
            rows[number][0].note("repaired-tags", "a span begins with I-, read as B-")
        if examples and bio.scheme not in ("plain", "BIO"):
            rows[0][0].note("tag-scheme", f"{bio.scheme} tags, converted to BIO", count=len(examples))
        return [replace(example, tags=tags) for example, tags in zip(examples, bio.sentences, strict=True)], []

    def encode(
        self,
        examples: Sequence[Tagged],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        index = label_positions(labels)
        chunks = [
            (row, start, words) for row, e in enumerate(examples) for start, words in _chunks(e, tokenizer, max_length)
        ]
        encoded = tokenizer(
            [list(words) for _, _, words in chunks], is_split_into_words=True, truncation=True, max_length=max_length
        )
        return [
            _feature(row, start, examples[row], encoded, number, index) for number, (row, start, _) in enumerate(chunks)
        ]

    def label_names(self, example: Tagged) -> tuple[str, ...]:
        """The types of spans, once for each span, and tags without a prefix; not O."""
        tags = example.tags or ()
        begun = (tag[2:] if tag[1:2] == "-" else tag for tag in tags if not tag.startswith("I-"))
        return tuple(tag for tag in begun if tag != "O")

    def stored_target(self, values: list[int]) -> list[int]:
        return values

    def targets(self, features: Sequence[Feature]) -> Mapping[str, Sequence[Any]]:
        """One number per sub-word, padded with IGNORE_INDEX."""
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
        """One tag per word."""
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

    def trivial_predictions(self, training: Sequence[Tagged], examples: Sequence[Tagged]) -> list[list[str]]:
        """The most frequent tag of each word; of unknown words, the most frequent tag of all."""
        lexicon = TagLexicon((example.words, example.tags) for example in training if example.tags is not None)
        return [[lexicon.tag(word) for word in example.words] for example in examples]


def _feature(
    row: int, start: int, example: Tagged, encoded: "BatchEncoding", number: int, index: dict[str, int]
) -> Feature:
    ids: list[int] = encoded["input_ids"][number]  # type: ignore[index]
    first_positions: dict[int, int] = {}
    for position, word in enumerate(encoded.word_ids(number)):
        if word is not None:
            first_positions.setdefault(word, position)
    target = None
    if index and example.tags is not None:
        target = [IGNORE_INDEX] * len(ids)
        for word, position in first_positions.items():
            target[position] = label_position(index, example.tags[start + word], example.id, example.language)
    words = tuple((position, start + word) for word, position in first_positions.items())
    return Feature(example=row, ids=(ids,), types=token_types(encoded, number), target=target, words=words)


def _chunks(
    example: Tagged, tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Split a sentence between words so that every word is scored: the index of each chunk's first word, and its words.

    A word that the tokenizer drops is replaced by the unknown token.
    """
    max_tokens = max_length - tokenizer.num_special_tokens_to_add()
    counts = [0] * len(example.words)
    encoded = tokenizer(list(example.words), is_split_into_words=True, add_special_tokens=False)
    for word in encoded.word_ids(0):
        if word is not None:
            counts[word] += 1
    words = [word if count else str(tokenizer.unk_token) for word, count in zip(example.words, counts, strict=True)]
    start, used = 0, 0
    for position, count in enumerate(counts):
        size = max(count, 1)
        if used and used + size > max_tokens:
            yield start, tuple(words[start:position])
            start, used = position, 0
        used += size
    yield start, tuple(words[start:])
