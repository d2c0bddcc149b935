"""Data sets of the Hugging Face Hub: their commits, and their Parquet files in the cache."""

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from xstilts.cache import hub_commits as revisions
from xstilts.errors import SourceError
from xstilts.platform.files import write_file
from xstilts.tasks.benchmark import Hub

CONVERTED = "refs/convert/parquet"
"""Branch on which the Hub keeps its own Parquet of a data set that is published in another form."""
_TOLD = 12
"""Splits that an error names."""

Sizes = Mapping[str, int]
"""Bytes of the Parquet files of a repository by their paths in it."""


def known_commit(repository: str, revision: str, *, cache: Path) -> str | None:
    """The commit of a revision if it is known without asking: it is one, or it was asked for before."""
    return revisions.known(repository, revision, kind="dataset", cache=cache)


def resolve(repository: str, revision: str, *, cache: Path, offline: bool) -> str:
    """The commit of a revision, asked for once and noted in `cache`.

    Raises SourceError where the Hub cannot be asked, or does not have the repository or the revision.
    """
    return revisions.resolve(repository, revision, kind="dataset", cache=cache, offline=offline)


def parquet(place: Hub, split: str, language: str, *, cache: Path, offline: bool) -> tuple[Path, ...]:
    """The Parquet files of a split of a language, sorted by name, fetched if they are not in the cache.

    Raises SourceError where the Hub cannot be reached, does not have the repository or the revision, where no Parquet
    lies there for this configuration and split, and where `offline` forbids to fetch what is absent.
    """
    commit = resolve(place.repository, place.revision, cache=cache, offline=offline)
    sizes = _listing(place, commit, cache, offline)
    names = select(place, split, language, sizes)
    return tuple(_file(place, commit, name, cache, offline) for name in names)


def absent(place: Hub, split: str, language: str, *, cache: Path) -> Sizes | None:
    """The files that `parquet` would have to fetch, with their sizes; None where that cannot be told unasked."""
    from huggingface_hub import try_to_load_from_cache

    commit = known_commit(place.repository, place.revision, cache=cache)
    note = _noted(place, commit, cache) if commit else None
    if note is None or not note.is_file():
        return None
    sizes: Sizes = json.loads(note.read_text(encoding="utf-8"))
    return {
        name: sizes[name]
        for name in select(place, split, language, sizes)
        if not isinstance(
            try_to_load_from_cache(place.repository, name, cache / "hub", revision=commit, repo_type="dataset"), str
        )
    }


def select(place: Hub, split: str, language: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that hold a split of a language, sorted, in whichever of the Hub's layouts they lie.

    A split may be a glob pattern, where the publisher has several for one of ours. Files in a folder `data` are of a
    repository's only configuration. Raises SourceError, saying what is there, where none fits.
    """
    there = sorted(names)
    config = place.config.replace("{language}", place.names.get(language, language))
    wanted = place.splits[split]
    layouts = (
        (f"{config}/{wanted}-*.parquet", f"{config}/{wanted}/*.parquet", f"{config}/{wanted}.parquet"),
        (f"data/{wanted}-*.parquet", f"data/{wanted}.parquet"),
    )
    for patterns in layouts:
        if found := tuple(name for name in there if any(fnmatchcase(name, pattern) for pattern in patterns)):
            return found
    raise _none_there(place, config, wanted, there)


def _none_there(place: Hub, config: str, split: str, there: Iterable[str]) -> SourceError:
    where = f"hub:{place.repository}@{place.revision}"
    splits = list(dict.fromkeys(re.sub(r"(-\d+-of-\d+[^/]*|/\d+)?\.parquet$", "", name) for name in there))
    if not splits:
        return SourceError(f"{where} holds no Parquet", f"its converted copy may: the revision {CONVERTED!r}")
    told = [name for name in splits if name.startswith(f"{config}/")] or splits
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return SourceError(
        f"{where} holds no Parquet of the configuration {config!r}, split {split!r}",
        f"it has {', '.join(told[:_TOLD])}{more}",
    )


def _noted(place: Hub, commit: str, cache: Path) -> Path:
    return cache / "listings" / f"{place.repository.replace('/', '--')}@{commit}.json"


def _listing(place: Hub, commit: str, cache: Path, offline: bool) -> Sizes:
    """The Parquet files of a repository at a commit; asked for once and noted in the cache."""
    note = _noted(place, commit, cache)
    if note.is_file():
        return json.loads(note.read_text(encoding="utf-8"))
    if offline:
        raise _not_cached(place, cache)
    try:
        sizes = _ask(place.repository, commit)
    except Exception as error:  # the client's HTTP library, and so its errors, differ between versions
        raise revisions.refusal(error, place.repository, commit, kind="dataset", what="the list of files of ") from None
    write_file(note, json.dumps(sizes))
    return sizes


def _ask(repository: str, commit: str) -> Sizes:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    tree = HfApi(endpoint=revisions.endpoint()).list_repo_tree(
        repository, recursive=True, revision=commit, repo_type="dataset"
    )
    return {item.path: item.size for item in tree if isinstance(item, RepoFile) and item.path.endswith(".parquet")}


def _file(place: Hub, commit: str, name: str, cache: Path, offline: bool) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = hf_hub_download(
            place.repository,
            name,
            repo_type="dataset",
            revision=commit,
            cache_dir=cache / "hub",
            local_files_only=offline,
            endpoint=revisions.endpoint(),
        )
    except Exception as error:  # as above
        if offline and isinstance(error, LocalEntryNotFoundError):
            raise _not_cached(place, cache) from None
        raise revisions.refusal(error, place.repository, commit, kind="dataset", what=f"{name} of ") from None
    return Path(path)


def _not_cached(place: Hub, cache: Path) -> SourceError:
    return SourceError(
        f"hub:{place.repository}@{place.revision} is not in the cache {cache}",
        "run once without --offline, or set XSTILTS_DATA_ROOT to a folder with the benchmark's own files",
    )
