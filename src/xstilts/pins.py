"""What names the weights of an encoder in every key: sha256 sums, or a commit of the Hub. No torch."""

import hashlib
import json
import os
import re
from pathlib import Path

from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import SourceError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_READ = ("config.json", "*.safetensors", "tokenizer*.json", "vocab.json", "*.txt", "*.model")
"""What an encoder's folder holds that decides its outputs."""


def pin(encoder: str, revision: str | None, *, cache: Path, offline: bool) -> str:
    """The pin of a known name, a Hub id or a folder.

    A branch of the Hub is resolved once and the commit noted in the cache, so that keys do not move when the branch
    does. Raises UserError where `encoder` is none of these, SourceError where the Hub is needed and cannot be asked.
    """
    card = find_card(encoder)
    if card.wheels:
        return "+".join(wheel.sha256 for wheel in card.wheels)
    kind, _, place = card.uri.partition(":")
    if kind == "file":
        return _folder_sum(Path(place).expanduser().resolve(), cache)
    return _commit(card, place, revision or card.revision or "main", cache, offline)


def _commit(card: EncoderCard, repository: str, revision: str, cache: Path, offline: bool) -> str:
    if _COMMIT.fullmatch(revision):
        return revision
    note = cache / "revisions" / f"{repository.replace('/', '--')}@{revision.replace('/', '--')}"
    if note.is_file():
        return note.read_text().strip()
    if offline:
        raise SourceError(
            f"hub:{repository}@{revision} is not in the cache {cache}",
            "run once without --offline, or name a local folder",
        )
    commit = _ask(card, repository, revision)
    _write(note, commit)
    return commit


def _ask(card: EncoderCard, repository: str, revision: str) -> str:
    from huggingface_hub import HfApi

    try:
        found = HfApi(endpoint=os.environ.get("HF_ENDPOINT")).model_info(repository, revision=revision, timeout=10).sha
    except Exception as error:  # the client's HTTP library, and so its errors, differ between versions
        reason = str(error).strip().partition("\n")[0]
        raise SourceError(
            f"the commit of hub:{repository}@{revision} cannot be asked for: {reason}",
            "check the id and the connection; `e5-small` comes from a package index instead",
        ) from None
    if not found:
        raise SourceError(f"the Hub names no commit of {card.name}@{revision}", "give `revision` a commit")
    return found


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
    _write(note, digest.hexdigest())
    return digest.hexdigest()


def _write(note: Path, text: str) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    partial = note.with_name(f"{note.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(note)
