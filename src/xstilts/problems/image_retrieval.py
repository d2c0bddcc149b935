"""Image retrieval: find the image of a caption, and a caption of an image, among all candidates of a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import FileRow
from xstilts.problems.features import Feature, encode_single

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

RECALL_KS = (1, 5, 10)
"""The k of recall@k."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption(Example):
    """A text that describes an image. An image may have several captions."""

    text: str
    image: str

    @property
    def target(self) -> str:
        return self.image

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,)

    @property
    def shown_images(self) -> tuple[str, ...]:
        return (self.image,)


class ImageRetrieval(Problem[Caption]):
    name = "image-retrieval"
    example = Caption
    metrics = ("recall_at_1", "image_recall_at_1", "text_recall_at_1", "recall_at_10")
    columns = ("text", "image")
    head = "contrastive"
    outputs = ("similarities",)
    shots_unit = "items"

    def read(self, row: FileRow, name: str, language: str) -> Caption:
        image, *others = row.images()
        if others:
            raise row.error(f"{1 + len(others)} images for one text", "write one row per image")
        return Caption(
            id=row.item_id(name),
            group=row.group(image),
            language=language,
            text=row.required_text("text"),
            image=image,
        )

    def encode(
        self,
        examples: Sequence[Caption],
        tokenizer: "PreTrainedTokenizerBase",
        labels: Sequence[str] | None,
        max_length: int,
    ) -> list[Feature]:
        features = encode_single(tokenizer, [e.text for e in examples], max_length)
        return [replace(feature, images=(example.image,)) for feature, example in zip(features, examples, strict=True)]

    def targets(self, features: Sequence[Feature]) -> Mapping[str, Sequence[Any]]:
        """For each caption the number of its image within the batch."""
        numbers = image_numbers(features)
        return {"labels": [numbers[feature.images[0]] for feature in features]}

    def decode(
        self,
        outputs: Outputs,
        features: Sequence[Feature],
        examples: Sequence[Caption],
        labels: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> list[tuple[int, int | None]]:
        """For each caption, the rank of its image and the best rank of that image's captions (see `metrics.ranks`).

        `outputs["similarities"]` [captions, images] has one column per distinct image, in the order of `image_numbers`.
        """
        from xstilts.metrics.ranks import ranks

        numbers = image_numbers(features)
        columns = [numbers[feature.images[0]] for feature in features]
        return ranks(outputs["similarities"].numpy(), columns)

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Hits among the first 1, 5 and 10 candidates, of images for a caption and of captions for an image.

        Gold is the image of a caption. Predicted is a pair of ranks from 1: of the image for the caption, and the best
        rank of a caption for the image, which is None for all but the first caption of an image.
        """
        ranks = [predicted for _, predicted in pairs]
        statistics: Statistics = {"images": [float(text_rank is not None) for _, text_rank in ranks]}
        for k in RECALL_KS:
            statistics[f"image_at_{k}"] = [float(image_rank <= k) for image_rank, _ in ranks]
            statistics[f"text_at_{k}"] = [float(text_rank is not None and text_rank <= k) for _, text_rank in ranks]
        return statistics


def image_numbers(features: Sequence[Feature]) -> dict[str, int]:
    """A number for each distinct image, in the order of the first feature that shows it."""
    return {image: number for number, image in enumerate(dict.fromkeys(feature.images[0] for feature in features))}
