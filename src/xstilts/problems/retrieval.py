"""Translation retrieval in both directions: the nearest English sentence of each text, and the reverse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.errors import DataError
from xstilts.problems.base import Example, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.features import Feature, encode_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(Example):
    """A sentence in `language` and its English translation."""

    text: str
    english: str

    @property
    def target(self) -> str:
        return self.english

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text, self.english)

    @property
    def model_texts(self) -> tuple[str, ...]:
        return (self.text,)


class Retrieval(Problem[Parallel]):
    name = "retrieval"
    example = Parallel
    metrics = ("retrieval_accuracy", "to_english", "from_english")
    columns = ("text", "english")
    is_translation = True
    matching = "each text is matched to its nearest neighbour in the other language, in both directions"

    def read(self, row: FileRow, name: str, language: str) -> Parallel:
        english = row.required_text("english")
        return Parallel(
            id=row.item_id(name),
            group=row.group(english),
            language=language,
            text=row.required_text("text"),
            english=english,
        )

    def read_rows(self, rows: Sequence[tuple[FileRow, str]], language: str) -> tuple[list[Parallel], list[DataError]]:
        """Without sentences that occurred before: of two equal ones, none is the right neighbour."""
        examples, errors = super().read_rows(rows, language)
        if errors:
            return examples, errors
        texts: set[str] = set()
        english: set[str] = set()
        unique = []
        for example, (row, _) in zip(examples, rows, strict=True):
            if example.text in texts or example.english in english:
                row.note("equal-sentences", "a sentence that occurred before, left out")
                continue
            texts.add(example.text)
            english.add(example.english)
            unique.append(example)
        return unique, []

    def encode(
        self,
        examples: Sequence[Parallel],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        """Two features per example: the foreign text, then the English one."""
        texts = [text for e in examples for text in (e.text, e.english)]
        encoded = encode_texts(tokenizer, texts, (), max_length)
        return [
            Feature(example=row // 2, ids=(ids,), types=(types,) if types else None)
            for row, (ids, types) in enumerate(encoded)
        ]

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Gold: the item's id. Predicted: the ids of the English sentence nearest to its text, and of the text nearest
        to its English sentence."""
        return {
            "to_english": [float(predicted[0] == gold) for gold, predicted in pairs],
            "from_english": [float(predicted[1] == gold) for gold, predicted in pairs],
        }
