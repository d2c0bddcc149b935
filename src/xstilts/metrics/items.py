"""From predictions to a frame of scored items: statistics that add over items, so that any subset can be scored."""

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import polars as pl

from xstilts.errors import DataError
from xstilts.metrics import mlqa, squad
from xstilts.metrics.squad import exact_match, token_f1
from xstilts.problems.registry import ProblemName

Statistics = dict[str, list[float]]
NormaliserName = Literal["squad", "mlqa"]

RECALLED = (1, 5, 10)
"""Of how many first candidates one must be right."""

_BARE = frozenset("OBIES")


def item_statistics(
    problem: ProblemName,
    gold: Sequence[Any],
    predicted: Sequence[Any],
    *,
    normaliser: NormaliserName = "squad",
    language: str = "en",
    rows: float | None = None,
) -> Statistics:
    """Per-item statistics, one list per name, in the order of the items.

    Gold and predicted hold, by problem: classification, label strings; choice, indices; span, acceptable answers
    ([] = unanswerable) and the predicted text ("" = no answer); tagging, lists of tags; retrieval, the item's id and
    [id of the nearest English item for its text, id of the nearest item for its English text]; mining, the ids of a
    sentence's translations and the id that it was paired with ("" = none); image-text, label strings;
    image-retrieval, the image of a caption and [rank of that image for the caption, best rank of a caption for that
    image], from 1, the latter None in all but one of an image's captions.

    `normaliser` and `language` say how answers are compared; `rows` is how many rows of the published set an item
    with a label stands for, where some have none. Raises UserError for a language that MLQA lacks.
    """
    pairs = list(zip(gold, predicted, strict=True))
    match problem:
        case "classification" | "choice" | "image-text":
            correct = {"correct": [float(right == guess) for right, guess in pairs]}
            return correct if rows is None else correct | {"rows": [rows] * len(pairs)}
        case "span":
            normalise = partial(mlqa.normalise, language=language) if normaliser == "mlqa" else squad.normalise
            return {
                "em": [exact_match(guess, answers, normalise) for answers, guess in pairs],
                "f1": [token_f1(guess, answers, normalise) for answers, guess in pairs],
            }
        case "tagging":
            return _tagging(pairs)
        case "retrieval":
            return {
                "to_english": [float(found[0] == own) for own, found in pairs],
                "from_english": [float(found[1] == own) for own, found in pairs],
            }
        case "image-retrieval":
            return _ranks([ranks for _, ranks in pairs])
        case "mining":
            return {
                "true_positive": [float(found in partners) for partners, found in pairs],
                "predicted_pairs": [float(found != "") for _, found in pairs],
                "gold_pairs": [float(len(partners)) for partners, _ in pairs],
            }


def score_frame(
    problem: ProblemName,
    items: Sequence[tuple[str, str]],
    gold: Sequence[Any],
    predicted: Sequence[Any],
    *,
    normaliser: NormaliserName = "squad",
    language: str = "en",
    rows: float | None = None,
) -> pl.DataFrame:
    """Columns item, group, gold and predicted (JSON texts), then the statistics; `items` are (id, group).

    Raises DataError where an id occurs twice, because items are paired across arms by id.
    """
    statistics = item_statistics(problem, gold, predicted, normaliser=normaliser, language=language, rows=rows)
    ids = [item for item, _ in items]
    if repeated := [item for item, count in Counter(ids).items() if count > 1]:
        raise DataError(f"item {repeated[0]!r} occurs more than once", "Ids must be unique within a task and language.")
    texts = {
        "item": ids,
        "group": [group for _, group in items],
        "gold": [json.dumps(value, ensure_ascii=False) for value in gold],
        "predicted": [json.dumps(value, ensure_ascii=False) for value in predicted],
    }
    schema = dict.fromkeys(texts, pl.String) | dict.fromkeys(statistics, pl.Float64)
    return pl.DataFrame(texts | statistics, schema=schema)


def _ranks(pairs: Sequence[tuple[int, int | None]]) -> Statistics:
    """Hits among the first 1, 5 and 10, of captions that look for their image and of images that look for a caption."""
    found: Statistics = {"images": [float(text is not None) for _, text in pairs]}
    for most in RECALLED:
        found[f"image_at_{most}"] = [float(image <= most) for image, _ in pairs]
        found[f"text_at_{most}"] = [float(text is not None and text <= most) for _, text in pairs]
    return found


def _tagging(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Statistics:
    gold, predicted = (
        [[_typed(tag) for tag in tags] for tags, _ in pairs],
        [[_typed(tag) for tag in tags] for _, tags in pairs],
    )
    right, guessed = _spans(gold), _spans(predicted)
    # a span belongs to the sentence it ends in; seqeval puts one O after every sentence
    ends = np.cumsum([len(tags) + 1 for tags in gold])

    def per_sentence(spans: set[tuple[str, int, int]]) -> list[float]:
        sentences = np.searchsorted(ends, [end for _, _, end in spans], side="right")
        return np.bincount(sentences, minlength=len(gold)).astype(float).tolist()

    return {
        "true_positive": per_sentence(right & guessed),
        "predicted_spans": per_sentence(guessed),
        "gold_spans": per_sentence(right),
        "correct_tokens": [float(sum(a == b for a, b in zip(*pair, strict=True))) for pair in pairs],
        "tokens": [float(len(tags)) for tags in gold],
    }


def _spans(sentences: list[list[str]]) -> set[tuple[str, int, int]]:
    """(type, start, end) over all sentences in a row, in seqeval's default mode, as XTREME scores them."""
    # seqeval loads scikit-learn, which takes a second
    from seqeval.metrics.sequence_labeling import get_entities

    if not sentences:
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return set(get_entities(sentences))


def _typed(tag: str) -> str:
    """XTREME scores part-of-speech tags as spans too; its seqeval 0.0.12 took a tag without prefix as the type,
    1.2.2 cuts off the first letter unless there is a prefix."""
    return tag if "-" in tag or tag in _BARE else f"{tag[0]}-{tag}"
