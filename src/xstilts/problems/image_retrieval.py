"""Image retrieval: the image that a caption describes, and a caption of an image, among all of a set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xstilts.problems.base import Example, Outputs, Problem, ScoringRules, Statistics
from xstilts.problems.cells import Cells
from xstilts.problems.features import Feature, encode_single

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

RECALL_KS = (1, 5, 10)
"""Of how many first candidates one must be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption(Example):
    """A text that describes an image; the same image may have several."""

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

    def read(self, cells: Cells, name: str, language: str) -> Caption:
        image, *others = cells.images()
        if others:
            raise cells.error(f"{1 + len(others)} images for one text", "give each image a row of its own")
        return Caption(
            id=cells.item_id(name),
            group=cells.group(image),
            language=language,
            text=cells.required_text("text"),
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
        """Numbers that tell the images of a batch apart."""
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
        """For each caption the rank of its image, and for each image, at its first caption, the best of its captions'.

        `similarities` are those of a caption to the distinct images of all features, in the order of their first one.
        """
        from xstilts.metrics.ranks import ranks

        numbers = image_numbers(features)
        own = [numbers[feature.images[0]] for feature in features]
        return ranks(outputs["similarities"].numpy(), own)

    def statistics(self, pairs: Sequence[tuple[Any, Any]], rules: ScoringRules) -> Statistics:
        """Hits among the first 1, 5 and 10, of captions that look for their image and of images that look for a
        caption. Gold is the image of a caption; predicted are the rank of that image for the caption and the best rank
        of a caption for that image, from 1, the latter None in all but one of an image's captions."""
        ranked = [ranks for _, ranks in pairs]
        statistics: Statistics = {"images": [float(text is not None) for _, text in ranked]}
        for most in RECALL_KS:
            statistics[f"image_at_{most}"] = [float(image <= most) for image, _ in ranked]
            statistics[f"text_at_{most}"] = [float(text is not None and text <= most) for _, text in ranked]
        return statistics


def image_numbers(features: Sequence[Feature]) -> dict[str, int]:
    """A number for each distinct image, in the order of the first feature that shows it."""
    return {image: number for number, image in enumerate(dict.fromkeys(feature.images[0] for feature in features))}
