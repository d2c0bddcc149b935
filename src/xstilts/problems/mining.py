"""Translation mining: which sentences of two collections translate each other, where most do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Problem, ScoringRules, Statistics
from xstilts.problems.cells import Cells
from xstilts.problems.features import Feature, encode_single

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence(Example):
    """A sentence of two collections, one in `language` and one in English, of which some translate each other.

    `english` says which collection it is of. `partners` are the ids of its translations in the other one; an empty
    tuple means that it has none, None means unlabelled.
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
        """A sentence goes with its translation."""
        return self.group


class Mining(Problem[Sentence]):
    name = "mining"
    example = Sentence
    metrics = ("pair_f1", "pair_precision", "pair_recall")
    columns = ("id", "text", "english")
    label_columns = ("partners",)
    is_mining = True
    matching = "sentences are paired one to one by margin, above a threshold tuned on the dev split"

    def read(self, cells: Cells, name: str, language: str) -> Sentence:
        """Without a group of its own, a sentence is grouped with its translation: by the id of the English one."""
        name, english = cells.item_id(name), cells.boolean("english")
        partners = _partners(cells)
        own = name if english or not partners else partners[0]
        return Sentence(
            id=name,
            group=cells.required_text("group") if "group" in cells.columns else own,
            language=language,
            text=cells.required_text("text"),
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
        """Gold are the ids of a sentence's translations, predicted the id that it was paired with ("" = none)."""
        return {
            "true_positive": [float(guess in partners) for partners, guess in pairs],
            "predicted_pairs": [float(guess != "") for _, guess in pairs],
            "gold_pairs": [float(len(partners)) for partners, _ in pairs],
        }


def _partners(cells: Cells) -> tuple[str, ...] | None:
    """A list of ids, or ids between spaces; an empty cell means that the sentence has no translation."""
    if "partners" not in cells.columns:
        return None
    value = cells.value(cells.columns["partners"])
    return tuple(value if isinstance(value, list | tuple) else str(value or "").split())
