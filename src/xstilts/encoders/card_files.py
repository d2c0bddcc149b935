"""The cards of the known encoders, from the data files in `cards/`: facts that were checked, nothing else.

A file holds `[[encoder]]` tables with the fields of `EncoderCard`; what is written above them holds for all of them.
"""

import tomllib
from functools import lru_cache
from importlib import resources

from pydantic import TypeAdapter

from xstilts.encoders.card import EncoderCard

_ORDER = ("text", "vision", "dual")


@lru_cache(maxsize=1)
def catalogue() -> tuple[EncoderCard, ...]:
    """The encoders known by name: of texts, of images, of both; those that PyPI serves before those of the Hub.

    Raises pydantic.ValidationError where a file has an unknown field or a value of the wrong type.
    """
    cards: list[EncoderCard] = []
    folder = resources.files("xstilts.encoders") / "cards"
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name):
        shared = tomllib.loads(file.read_text(encoding="utf-8"))
        encoders = shared.pop("encoder")
        cards += TypeAdapter(list[EncoderCard]).validate_python([shared | encoder for encoder in encoders])
    return tuple(sorted(cards, key=lambda card: (_ORDER.index(str(card.kind)), not card.wheels)))
