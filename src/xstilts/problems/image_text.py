"""Classification of a text about one or several images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.classification import class_position, correct_items, most_probable
from xstilts.problems.features import Feature, encode_single, label_positions
from xstilts.problems.trivial import most_frequent_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageText(Example):
    """A text about one or several images, with one label. `label` is None if the split has no labels.

    An image is a reference `collection:name`, such as `flickr30k:1007129816`, independent of where the file is.
    """

    text: str
    images: tuple[str, ...]
    label: str | None

    @property
    def target(self) -> str | None:
        return self.label

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,)

    @property
    def classes(self) -> tuple[str, ...]:
        return () if self.label is None else (self.label,)

    @property
    def stratum(self) -> str | None:
        return self.label

    @property
    def shown_images(self) -> tuple[str, ...]:
        return self.images


class ImageTextClassification(Problem[ImageText]):
    name = "image-text"
    example = ImageText
    metrics = ("accuracy", "macro_f1")
    columns = ("text", "images")
    label_columns = ("label",)
    head = "image-text"
    shots_unit = "per class"
    trivial_baseline = "majority class"

    def read(self, row: FileRow, name: str, language: str) -> ImageText:
        """If the file has no groups, examples with the same first image are one group."""
        images = row.images()
        return ImageText(
            id=row.item_id(name),
            group=row.group(images[0]),
            language=language,
            text=row.required_text("text"),
            images=images,
            label=row.label("label"),
        )

    def encode(
        self,
        examples: Sequence[ImageText],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        index = label_positions(labels)
        features = encode_single(tokenizer, [e.text for e in examples], max_length)
        return [
            replace(feature, target=class_position(index, example), images=example.images)
            for feature, example in zip(features, examples, strict=True)
        ]

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[ImageText],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[str]:
        return most_probable(outputs, labels)

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        return correct_items(pairs, rules)

    def trivial_predictions(self, training: Sequence[ImageText], examples: Sequence[ImageText]) -> list[str]:
        """The most frequent class."""
        return [most_frequent_of(training)] * len(examples)
