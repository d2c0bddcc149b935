"""The scored items of image tasks: their numbers by language, chance levels, flagged items and unreadable images."""

from collections.abc import Iterator, Mapping, Sequence
from math import comb

import polars as pl

from xstilts.analysis.names import ABSENT, MISSING, language_name, points
from xstilts.analysis.results import Items
from xstilts.analysis.stage_facts import StageFacts
from xstilts.plurals import plural
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.tables import language_entry, language_order
from xstilts.store.facts import TargetFacts
from xstilts.tasks.task import flagged_id

_MAX_NAMED = 3
"""How many unreadable images are listed by name."""


def items_differ(facts: StageFacts, items: Items) -> bool:
    """Whether the items table says more than the number of items."""
    design = facts.design
    unreadable = any(
        _unreadable_images(facts, key) for language in design.languages if (key := facts.any_artifact(language))
    )
    flagged = any(any_flagged(facts, items, flag) for flag in design.task.item_flags)
    return design.task.spec.is_contrastive or unreadable or flagged


def items_table(facts: StageFacts, items: Items) -> Table:
    """By language: items, candidates and chance level of retrieval, flagged items, unreadable images."""
    design, task = facts.design, facts.design.task
    captioned = task.spec.is_contrastive
    heads = (
        *(Head(text=text) for text in (("captions", "distinct images", "chance") if captioned else ("items",))),
        *(Head(text="of these", note=description) for description in task.item_flags.values()),
        Head(text="unreadable images"),
    )
    rows = []
    for language in language_order(design):
        key = facts.any_artifact(language)
        frame = items.get(key) if key else None
        if key is None or frame is None:
            rows.append(Row(entries=(language_entry(language), *[Entry(text=MISSING, kind="missing")] * len(heads))))
            continue
        texts = [f"{len(frame):,}"]
        if captioned:
            chance = chance_recall(frame, task.metric)
            texts += [f"{frame['gold'].n_unique():,}", ABSENT if chance is None else points(chance)]
        texts += [f"{is_flagged(frame, flag).sum():,}" for flag in task.item_flags]
        texts.append(f"{len(_unreadable_images(facts, key)):,}")
        rows.append(Row(entries=(language_entry(language), *(Entry(text=text, kind="number") for text in texts))))
    caption = "captions and candidate images by language" if captioned else "scored items by language"
    return Table(
        caption=f"{task.name}: {caption}.",
        heads=((Head(text="language", number=False), *heads),),
        rows=tuple(rows),
        notes=("Do not compare scores of languages with different numbers of candidates.",) if captioned else (),
    )


def is_flagged(frame: pl.DataFrame, flag: str) -> pl.Series:
    return frame["item"].str.ends_with(flagged_id("", flag))


def any_flagged(facts: StageFacts, items: Items, flag: str) -> bool:
    """Whether a headline language has items with the flag."""
    keys = (facts.any_artifact(language) for language in facts.design.headline)
    return any(bool(is_flagged(items[key], flag).any()) for key in keys if key)


def chance_recall(frame: pl.DataFrame, metric: str) -> float | None:
    """The expected recall (0 to 1) of random guessing; None for a metric that is not a recall.

    `image_recall_at_k` looks for an image given a caption, `text_recall_at_k` for one of an image's captions; without a
    prefix, the mean of both.
    """
    side, separator, k = metric.rpartition("recall_at_")
    if not separator or not len(frame):
        return None
    captions_per_image = frame["gold"].value_counts()["count"].to_list()
    images, captions = len(captions_per_image), len(frame)
    guesses = min(int(k), captions)
    image_recall = min(1.0, guesses / images)
    text_recall = (
        sum(1 - comb(captions - correct, guesses) / comb(captions, guesses) for correct in captions_per_image) / images
    )
    return {"image_": image_recall, "text_": text_recall}.get(side, (image_recall + text_recall) / 2)


def left_out_notes(facts: StageFacts) -> Iterator[str]:
    """How many published rows are not scored, by language."""
    counts: dict[str, int] = {}
    for language in facts.design.languages:
        scored = facts.scored(key) if (key := facts.any_artifact(language)) else None
        if scored and scored.rows_left_out:
            counts[language_name(language)] = scored.rows_left_out
    if counts:
        listed = ", ".join(f"{language} {count:,}" for language, count in counts.items())
        yield f"Published rows that are not scored, because they have no text or no label: {listed}."


def unreadable_remarks(facts: StageFacts) -> Iterator[str]:
    """Unreadable images among the scored items, by language, and in the training data; the first few by name."""
    languages_by_images: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for language in facts.design.languages:
        if key := facts.any_artifact(language):
            images = tuple(sorted(_unreadable_images(facts, key).items()))
            languages_by_images.setdefault(images, []).append(language_name(language))
    for images, languages in languages_by_images.items():
        if images:
            yield (
                f"Scored items in {', '.join(languages)}: items with these images are excluded. {_list_images(images)}."
            )
    training_images: dict[str, str] = {}
    for manifest in facts.manifests.values():
        target = manifest.facts if manifest else None
        if isinstance(target, TargetFacts) and target.model.task == facts.design.task.name:
            training_images |= target.unusable.images
    if training_images:
        listed = _list_images(tuple(sorted(training_images.items())))
        yield f"Training data: examples with these images are excluded. {listed}."


def _unreadable_images(facts: StageFacts, key: str) -> Mapping[str, str]:
    """The reason by image."""
    scored = facts.scored(key)
    return scored.unusable.images if scored else {}


def _list_images(images: Sequence[tuple[str, str]]) -> str:
    named = "; ".join(f"`{image}` ({reason})" for image, reason in images[:_MAX_NAMED])
    more = len(images) - _MAX_NAMED
    return f"{plural(len(images), 'image')}: {named}" + (f"; and {more:,} more" if more > 0 else "")
