"""The cards of the known encoders, read from the files in `cards/`. The files contain verified facts only.

A file has one `[[encoder]]` table per encoder with the fields of `EncoderCard`. Keys above them apply to all of them.
"""

import tomllib
from functools import lru_cache
from importlib import resources

from pydantic import TypeAdapter

from xstilts.encoders.card import EncoderCard

_ORDER = ("text", "vision", "dual")


@lru_cache(maxsize=1)
def catalogue() -> tuple[EncoderCard, ...]:
    """All encoders with a card, sorted: text, vision, dual; within each kind, PyPI wheels before Hub repositories.

    Raises pydantic.ValidationError if a file has an unknown field or a value of the wrong type.
    """
    cards: list[EncoderCard] = []
    folder = resources.files("xstilts.encoders") / "cards"
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name):
        shared = tomllib.loads(file.read_text(encoding="utf-8"))
        encoders = shared.pop("encoder")
        cards += TypeAdapter(list[EncoderCard]).validate_python([shared | encoder for encoder in encoders])
    return tuple(sorted(cards, key=lambda card: (_ORDER.index(str(card.kind)), not card.wheels)))
