"""What names the weights of an encoder in every key: sha256 sums, or a commit of the Hub. No torch."""

import hashlib
import json
from pathlib import Path

from xstilts.cache import hub_commits as revisions
from xstilts.data.images import feature_files
from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import SourceError
from xstilts.platform.files import write_file

_READ = ("config.json", "*processor_config.json", "*.safetensors", "tokenizer*.json", "vocab.json", "*.txt", "*.model")
"""What an encoder's folder holds that decides its outputs."""


UNRESOLVED = "unresolved"
"""Stands for a commit that is not known."""


def pin(encoder: str, revision: str | None, *, cache: Path, offline: bool) -> str:
    """The pin of a known name, a Hub id or a folder; of `TEXT+VISION` those of both, with a + between them.

    A branch of the Hub is resolved once and the commit noted in the cache. Raises UserError where `encoder` is none of
    these, SourceError where the Hub is needed and cannot be asked.
    """
    return "+".join(_pinned(card, asked, cache, offline) for card, asked in halves(encoder, revision))


def known_pin(encoder: str, revision: str | None, *, cache: Path) -> str | None:
    """The pin where it is known without asking the Hub."""
    pins = [_known(card, asked, cache) for card, asked in halves(encoder, revision)]
    return None if None in pins else "+".join(filter(None, pins))


def unpinned(encoder: str, revision: str | None, *, cache: Path) -> tuple[str, ...]:
    """What of an encoder comes from the Hub at no known commit, as repository@revision."""
    parts = halves(encoder, revision)
    return tuple("@".join(on_the_hub(card, asked)) for card, asked in parts if _known(card, asked, cache) is None)


def halves(encoder: str, revision: str | None) -> tuple[tuple[EncoderCard, str | None], ...]:
    """The card of an encoder with its revision, or both with theirs where texts and images are read by two.

    `revision` belongs to the text half; `revision+revision`, as in a pin, names one for each. Raises UserError where
    `encoder` is none.
    """
    cards = find_card(encoder).halves
    if len(cards) == 1:
        return ((cards[0], revision),)
    first, _, second = (revision or "").rpartition("+")
    text, vision = (first, second) if first else (revision, None)
    return ((cards[0], text or None), (cards[1], vision or None))


def on_the_hub(card: EncoderCard, revision: str | None) -> tuple[str, str]:
    """Repository and revision of an encoder that comes from there."""
    return card.uri.removeprefix("hub:"), revision or card.revision or "main"


def _pinned(card: EncoderCard, revision: str | None, cache: Path, offline: bool) -> str:
    if pinned := _known(card, revision, cache):
        return pinned
    return revisions.resolve(*on_the_hub(card, revision), kind="model", cache=cache, offline=offline)


def _known(card: EncoderCard, revision: str | None, cache: Path) -> str | None:
    if card.wheels:
        return "+".join(wheel.sha256 for wheel in card.wheels)
    kind, _, place = card.uri.partition(":")
    if kind == "file":
        path = Path(place).expanduser().resolve()
        return feature_files.feature_file_digest(path, cache) if path.is_file() else _folder_sum(path, cache)
    return revisions.known(*on_the_hub(card, revision), kind="model", cache=cache)


def _folder_sum(folder: Path, cache: Path) -> str:
    """Sha256 over the files that matter; computed once for each state (sizes and times) of the folder."""
    files = sorted({path for pattern in _READ for path in folder.glob(pattern)})
    if not (folder / "config.json").is_file():
        raise SourceError(
            f"{folder} is no encoder: it has no config.json", "name a folder that `save_pretrained` wrote"
        )
    stats = [(path, path.stat()) for path in files]
    state = json.dumps([str(folder), [(path.name, stat.st_size, stat.st_mtime_ns) for path, stat in stats]])
    note = cache / "revisions" / hashlib.sha256(state.encode()).hexdigest()
    if note.is_file():
        return note.read_text().strip()
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    write_file(note, digest.hexdigest())
    return digest.hexdigest()
