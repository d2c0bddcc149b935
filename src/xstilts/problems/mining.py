"""Translation mining: find the translations in two collections of sentences, most of which have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.features import Feature, encode_single

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence(Example):
    """A sentence from one of two collections, one in `language` and one in English.

    `english` is true for the English collection. `partners` are the ids of its translations in the other collection; an
    empty tuple means that it has none, None means unlabelled.
    """

    text: str
    english: bool
    partners: tuple[str, ...] | None

    @property
    def target(self) -> tuple[str, ...] | None:
        return self.partners

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,)

    @property
    def sampling_id(self) -> str:
        """The group, so that a cap keeps a sentence together with its translation."""
        return self.group


class Mining(Problem[Sentence]):
    name = "mining"
    example = Sentence
    metrics = ("pair_f1", "pair_precision", "pair_recall")
    columns = ("id", "text", "english")
    label_columns = ("partners",)
    is_mining = True
    matching = "sentences are paired one to one by margin, above a threshold tuned on the dev split"

    def read(self, row: FileRow, name: str, language: str) -> Sentence:
        """If the file has no groups, a sentence and its translation are one group, named by the English id."""
        name, english = row.item_id(name), row.boolean("english")
        partners = _partners(row)
        pair = name if english or not partners else partners[0]
        return Sentence(
            id=name,
            group=row.required_text("group") if "group" in row.columns else pair,
            language=language,
            text=row.required_text("text"),
            english=english,
            partners=partners,
        )

    def encode(
        self,
        examples: Sequence[Sentence],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        return encode_single(tokenizer, [e.text for e in examples], max_length)

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Gold: the ids of a sentence's translations. Predicted: the id that it was paired with, or "" for none."""
        return {
            "true_positive": [float(predicted in gold) for gold, predicted in pairs],
            "predicted_pairs": [float(predicted != "") for _, predicted in pairs],
            "gold_pairs": [float(len(gold)) for gold, _ in pairs],
        }


def _partners(row: FileRow) -> tuple[str, ...] | None:
    """Ids from a list or a text with spaces; an empty cell means that the sentence has no translation."""
    if "partners" not in row.columns:
        return None
    value = row.value(row.columns["partners"])
    return tuple(value if isinstance(value, list | tuple) else str(value or "").split())
