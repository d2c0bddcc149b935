"""The card for an encoder name, and overlaps of its training data with tasks."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from xstilts.encoders.card import FEATURE_SUFFIXES, EncoderCard, TrainedOn
from xstilts.encoders.card_files import catalogue
from xstilts.errors import UserError, did_you_mean
from xstilts.platform.files import expand_home, is_file, is_folder


def find_card(name: str) -> EncoderCard:
    """The card of a known name or Hub id, otherwise an empty card for a Hub id or an existing folder.

    `TEXT+VISION` is a fused encoder: a text encoder with a vision encoder, or with a file of precomputed image
    features. Raises UserError if `name` is none of these.
    """
    for card in catalogue():
        if name in (card.name, str(card.uri).removeprefix("hub:")):
            return card
    if name and is_folder(expand_home(name)):
        return EncoderCard(name=name, source=f"file:{name}", kind=None)
    if "+" in name:
        return _fused_card(name)
    if Path(name).suffix in FEATURE_SUFFIXES:
        return _precomputed_card(name)
    if _HUB_ID.fullmatch(name):
        return EncoderCard(name=name, source=f"hub:{name}", kind=None, url=f"https://huggingface.co/{name}")
    raise UserError(
        f"unknown encoder {name!r}: not a known name, a folder or a Hub id of the form owner/name",
        did_you_mean(name, (card.name for card in catalogue())),
    )


def overlaps(card: EncoderCard, task_names: Collection[str]) -> tuple[str, ...]:
    """One sentence per task whose data or skill is part of the encoder's training, or one that it is unknown."""
    if len(card.halves) > 1:
        return tuple(sentence for half in card.halves for sentence in overlaps(half, task_names))
    if card.trained_on is None:
        return (f"What {card.name} was trained on is unknown: overlaps with the tasks are unchecked.",)
    return tuple(sentence for data in card.trained_on for sentence in _overlap_sentences(card, data, task_names))


def _overlap_sentences(card: EncoderCard, data: TrainedOn, task_names: Collection[str]) -> Iterator[str]:
    for tasks, relation in (
        (data.same_data, "comes from that data set"),
        (data.related_tasks, "tests the same skill"),
    ):
        for task in sorted(set(tasks) & set(task_names)):
            yield f"{card.name} saw {data.data} {data.how}; `{task}` {relation}."


def _fused_card(name: str) -> EncoderCard:
    """The card of `TEXT+VISION`. Raises UserError if the first reads no text or the second no images."""
    text, vision = map(find_card, name.rpartition("+")[::2])
    if text.kind not in ("text", None):
        raise UserError(f"{text.name!r} in {name!r} does not read text", "name a text encoder before the +")
    if vision.kind not in ("vision", "dual", None):
        raise UserError(f"{vision.name!r} in {name!r} does not read images", "name a vision encoder after the +")
    is_known = text.trained_on is not None and vision.trained_on is not None
    return replace(
        text,
        name=f"{text.name}+{vision.name}",
        kind="fused",
        text=text,
        vision=vision,
        channels=vision.channels,
        trained_on=(*(text.trained_on or ()), *(vision.trained_on or ())) if is_known else None,
        licence=_join_known(text.licence, vision.licence, " and "),
        citation=_join_known(text.citation, vision.citation, "; "),
        notes=(*text.notes, *vision.notes),
    )


def _precomputed_card(name: str) -> EncoderCard:
    """The card of the unknown encoder that computed the features in a file. Raises UserError if there is no file."""
    if not is_file(expand_home(name)):
        raise UserError(f"there is no file {name} with image features", "paths are relative to the current folder")
    return EncoderCard(name=name, source=f"file:{name}", kind="vision")


def _join_known(first: str | None, second: str | None, separator: str) -> str | None:
    """Both values without repetition, or None if one is unknown."""
    return separator.join(dict.fromkeys((first, second))) if first and second else None


_HUB_ID = re.compile(r"(?!\.)[\w.-]+/[\w.-]+")
