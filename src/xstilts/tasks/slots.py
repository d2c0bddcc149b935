"""The words of a voice command that fill a slot (a number of minutes, a colour, a state), tagged BIO."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from xstilts.formats.words import split_words
from xstilts.problems import Tagged
from xstilts.tasks import _home_assistant as home
from xstilts.tasks.task import Paths, Task, measured_sizes

SLOTS = frozenset(
    (
        "brightness", "color", "device_class", "fan_mode", "hours", "minutes", "percentage", "position", "seconds",
        "start_hours", "start_minutes", "start_seconds", "state", "temperature", "volume_level", "volume_step",
    )
)  # fmt: skip
"""The slots of the English commands; commands with other slots cannot be learned from English and are left out."""

PER_SLOT = 100
"""The maximum number of values per slot and language, because most values are bare digits."""


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Tagged]]:
    usable = [command for command in home.commands(paths, language) if _usable(command)]
    return {"all": (example(command, language) for command in _capped(usable))}


def example(command: home.Command, language: str) -> Tagged:
    words = split_words(command.text)
    return Tagged(
        id=command.id,
        group=command.template,
        language=language,
        words=tuple(word for word, _ in words),
        tags=_tags(command.pieces, words),
    )


def _usable(command: home.Command) -> bool:
    slots = {slot for slot, _ in command.values}
    return bool(slots) and slots <= SLOTS


def _capped(commands: list[home.Command]) -> Iterable[home.Command]:
    """The commands, without those that would give a slot more than `PER_SLOT` values; chosen by hash."""
    counts: Counter[str] = Counter()
    selected: set[str] = set()
    for command in sorted(commands, key=lambda c: hashlib.sha256(c.id.encode()).digest()):
        slots = Counter(slot for slot, _ in command.values)
        if all(counts[slot] + number <= PER_SLOT for slot, number in slots.items()):
            counts += slots
            selected.add(command.id)
    return (command for command in commands if command.id in selected)


def _tags(pieces: tuple[home.Piece, ...], words: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """BIO tags: a word belongs to the first slot that contains any of its characters."""
    slot_pieces = [number if piece.slot else -1 for number, piece in enumerate(pieces) for _ in piece.text]
    tags: list[str] = []
    previous = -1
    for word, start in words:
        piece = next((number for number in slot_pieces[start : start + len(word)] if number >= 0), -1)
        tags.append("O" if piece < 0 else f"{'I' if piece == previous else 'B'}-{pieces[piece].slot}")
        previous = piece
    return tuple(tags)


TASK = Task(
    name="slots",
    problem="tagging",
    suite=("embedded",),
    languages=(
        "en", "ar", "bg", "ca", "cs", "da", "de", "de-CH", "el", "es", "eu", "fi", "fr", "gl", "he", "hr", "hu", "hy",
        "is", "it", "ko", "lb", "ml", "nb", "ne", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sr", "sr-Latn",
        "sv", "th", "uk", "vi", "zh-CN", "zh-HK", "zh-TW",
    ),
    sources=home.SOURCES,
    read=read,
    fractions=home.FRACTIONS,
    licence=home.LICENCE,
    citation=home.CITATION,
    url=home.URL,
    weaknesses=(
        *home.WEAKNESSES,
        "about 80% of the slot values are plain digits in en, de, fi and zh; no slot has more than 100 values",
    ),
    split_family=home.FAMILY,
    sizes=measured_sizes("slots"),
)  # fmt: skip
