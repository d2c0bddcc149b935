"""The card of any encoder that can be named."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from xstilts.encoders.card import GIVEN, EncoderCard, TrainedOn
from xstilts.encoders.card_files import catalogue
from xstilts.errors import UserError, did_you_mean


def find_card(name: str) -> EncoderCard:
    """The card of a known name or Hub id, else a card without knowledge for any Hub id or existing folder.

    `TEXT+VISION` names a text encoder and a vision encoder that are read together; in the place of the latter, a file
    may hold the features of all images. Raises UserError if `name` is none
    of these.
    """
    for card in catalogue():
        if name in (card.name, str(card.uri).removeprefix("hub:")):
            return card
    if name and Path(name).expanduser().is_dir():
        return EncoderCard(name=name, source=f"file:{name}", kind=None)
    if "+" in name:
        return _fused(name)
    if Path(name).suffix in GIVEN:
        return _given(name)
    if _HUB_ID.fullmatch(name):
        return EncoderCard(name=name, source=f"hub:{name}", kind=None, url=f"https://huggingface.co/{name}")
    raise UserError(
        f"unknown encoder {name!r}: not a known name, a folder or a Hub id of the form owner/name",
        did_you_mean(name, (card.name for card in catalogue())),
    )


def overlaps(card: EncoderCard, task_names: Collection[str]) -> tuple[str, ...]:
    """A sentence for each of the tasks whose data or skill the encoder already met, or one that nothing is known."""
    if len(card.halves) > 1:
        return tuple(sentence for half in card.halves for sentence in overlaps(half, task_names))
    if card.trained_on is None:
        return (f"What {card.name} was trained on is unknown: overlaps with the tasks are unchecked.",)
    return tuple(sentence for seen in card.trained_on for sentence in _sentences(card, seen, task_names))


def _sentences(card: EncoderCard, seen: TrainedOn, task_names: Collection[str]) -> Iterator[str]:
    for tasks, relation in (
        (seen.same_data, "comes from that data set"),
        (seen.related_tasks, "asks for the same skill"),
    ):
        for task in sorted(set(tasks) & set(task_names)):
            yield f"{card.name} saw {seen.data} {seen.how}; `{task}` {relation}."


def _fused(name: str) -> EncoderCard:
    """The text half's card, with what both halves say of themselves. Raises UserError for halves of the wrong kind."""
    first, second = map(find_card, name.rpartition("+")[::2])
    for half, kinds, wanted in ((first, ("text", None), "reads texts"), (second, _SEES, "reads images")):
        if half.kind not in kinds:
            place = "before" if half is first else "behind"
            raise UserError(f"{half.name!r} stands {place} the + of {name!r}, where an encoder belongs that {wanted}")
    known = first.trained_on is not None and second.trained_on is not None
    return replace(
        first,
        name=f"{first.name}+{second.name}",
        kind="fused",
        text=first,
        vision=second,
        channels=second.channels,
        trained_on=(*(first.trained_on or ()), *(second.trained_on or ())) if known else None,
        licence=_both(first.licence, second.licence, " and "),
        citation=_both(first.citation, second.citation, "; "),
        notes=(*first.notes, *second.notes),
    )


def _given(name: str) -> EncoderCard:
    """Stands for the encoder that made the features in a file. Raises UserError where there is none."""
    if not Path(name).expanduser().is_file():
        raise UserError(f"there is no file {name} with features of images", "paths are relative to where you are")
    return EncoderCard(name=name, source=f"file:{name}", kind="vision")


def _both(first: str | None, second: str | None, between: str) -> str | None:
    """What is said of both halves, or None where one says nothing."""
    return between.join(dict.fromkeys((first, second))) if first and second else None


_SEES = ("vision", "dual", None)
_HUB_ID = re.compile(r"(?!\.)[\w.-]+/[\w.-]+")
