"""Pins of encoders: SHA-256 sums or Hub commits that identify the weights in stage keys. Does not import torch."""

import hashlib
from pathlib import Path

from xstilts.cache import hub_commits
from xstilts.cache.checksums import cached_text, file_state
from xstilts.data.images import feature_files
from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import SourceError
from xstilts.platform.files import expand_home
from xstilts.platform.folder_checksums import sha256

_HASHED_FILES = (
    "config.json",
    "*processor_config.json",
    "*.safetensors",
    "tokenizer*.json",
    "vocab.json",
    "*.txt",
    "*.model",
)
"""Files of an encoder's folder that affect its outputs."""

UNRESOLVED = "unresolved"
"""Placeholder for an unknown commit."""


def pin(encoder: str, revision: str | None, *, cache: Path, offline: bool) -> str:
    """The pin of a known name, a Hub id or a folder; for `TEXT+VISION`, both pins joined by +.

    A Hub branch is resolved to a commit once; the cache stores the commit. Raises UserError if `encoder` is unknown,
    SourceError if the Hub is needed but cannot be reached.
    """
    return "+".join(_pin_half(card, half_revision, cache, offline) for card, half_revision in halves(encoder, revision))


def known_pin(encoder: str, revision: str | None, *, cache: Path) -> str | None:
    """The pin, or None if only the Hub knows it."""
    pins = [_known_half(card, half_revision, cache) for card, half_revision in halves(encoder, revision)]
    return None if None in pins else "+".join(filter(None, pins))


def unpinned(encoder: str, revision: str | None, *, cache: Path) -> tuple[str, ...]:
    """The Hub repositories of an encoder whose commit is not in the cache, as repository@revision."""
    return tuple(
        "@".join(repository_and_revision(card, half_revision))
        for card, half_revision in halves(encoder, revision)
        if _known_half(card, half_revision, cache) is None
    )


def halves(encoder: str, revision: str | None) -> tuple[tuple[EncoderCard, str | None], ...]:
    """The card and revision of an encoder; for a fused encoder, those of its text half and of its vision half.

    `revision` belongs to the text half; `revision+revision` has one for each. Raises UserError if `encoder` is unknown.
    """
    cards = find_card(encoder).halves
    if len(cards) == 1:
        return ((cards[0], revision),)
    first, _, second = (revision or "").rpartition("+")
    text, vision = (first, second) if first else (revision, None)
    return ((cards[0], text or None), (cards[1], vision or None))


def repository_and_revision(card: EncoderCard, revision: str | None) -> tuple[str, str]:
    """The repository and revision of an encoder on the Hub."""
    return card.uri.removeprefix("hub:"), revision or card.revision or "main"


def _pin_half(card: EncoderCard, revision: str | None, cache: Path, offline: bool) -> str:
    if known := _known_half(card, revision, cache):
        return known
    return hub_commits.resolve(*repository_and_revision(card, revision), kind="model", cache=cache, offline=offline)


def _known_half(card: EncoderCard, revision: str | None, cache: Path) -> str | None:
    if card.wheels:
        return "+".join(wheel.sha256 for wheel in card.wheels)
    kind, _, location = card.uri.partition(":")
    if kind == "file":
        path = expand_home(location).resolve()
        return feature_files.feature_file_digest(path, cache) if path.is_file() else _folder_digest(path, cache)
    return hub_commits.known(*repository_and_revision(card, revision), kind="model", cache=cache)


def _folder_digest(folder: Path, cache: Path) -> str:
    """SHA-256 of the files in `_HASHED_FILES`, cached until a size or time of a file changes."""
    files = sorted({path for pattern in _HASHED_FILES for path in folder.glob(pattern)})
    if not (folder / "config.json").is_file():
        raise SourceError(
            f"{folder} is not an encoder: it has no config.json", "name a folder that `save_pretrained` wrote"
        )

    def digest() -> str:
        lines = (f"{path.name} {sha256(path)}\n" for path in files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    return cached_text("pins", [str(folder), *map(file_state, files)], cache, digest)
