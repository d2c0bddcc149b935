"""Data sets on the Hugging Face Hub: their commits, and their Parquet files in the cache."""

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from xstilts.cache import hub_commits, hub_files
from xstilts.errors import SourceError
from xstilts.platform.sealed import read_sealed, write_sealed
from xstilts.tasks.benchmark import Hub

CONVERTED = "refs/convert/parquet"
"""Branch with the Hub's automatic Parquet conversion of a data set."""
_MAX_NAMED = 12
"""The most splits that an error message lists."""

FileSizes = Mapping[str, int]
"""Sizes in bytes of a repository's Parquet files, by path."""


def known_commit(repository: str, revision: str, *, cache: Path) -> str | None:
    """The commit of a revision if it is known without a request: it is a commit, or was resolved before."""
    return hub_commits.known(repository, revision, kind="dataset", cache=cache)


def resolve_commit(repository: str, revision: str, *, cache: Path, offline: bool) -> str:
    """The commit of a revision, requested once and stored in `cache`.

    Raises SourceError if the Hub cannot be reached, or does not have the repository or the revision.
    """
    return hub_commits.resolve(repository, revision, kind="dataset", cache=cache, offline=offline)


def parquet_files(dataset: Hub, split: str, language: str, *, cache: Path, offline: bool) -> tuple[Path, ...]:
    """The Parquet files of a split of a language, sorted by name, downloaded if they are not in the cache.

    Raises SourceError if the Hub cannot be reached, has no such repository or revision, or has no Parquet files for
    this configuration and split; and with `offline`, if a file is not in the cache.
    """
    commit = resolve_commit(dataset.repository, dataset.revision, cache=cache, offline=offline)
    sizes = _listing(dataset, commit, cache, offline)
    names = split_files(dataset, split, language, sizes)
    return tuple(_file(dataset, commit, name, cache, offline) for name in names)


def missing_files(dataset: Hub, split: str, language: str, *, cache: Path) -> FileSizes | None:
    """The files that `parquet_files` would download, with their sizes; None if that is unknown without a request."""
    from huggingface_hub import try_to_load_from_cache

    commit = known_commit(dataset.repository, dataset.revision, cache=cache)
    note = _listing_file(dataset, commit, cache) if commit else None
    content = None if note is None else read_sealed(note)
    if content is None:
        return None
    sizes: FileSizes = json.loads(content)
    return {
        name: sizes[name]
        for name in split_files(dataset, split, language, sizes)
        if not isinstance(
            try_to_load_from_cache(dataset.repository, name, cache / "hub", revision=commit, repo_type="dataset"), str
        )
    }


def split_files(dataset: Hub, split: str, language: str, names: Iterable[str]) -> tuple[str, ...]:
    """The sorted names of the files that hold a split of a language, in any of the Hub's layouts.

    `dataset.splits` may contain glob patterns that match several published splits. Files in a folder `data` belong to a
    repository's only configuration. Raises SourceError, with the available splits, if no file matches.
    """
    files = sorted(names)
    config = dataset.config.replace("{language}", dataset.names.get(language, language))
    hub_split = dataset.splits[split]
    layouts = (
        (f"{config}/{hub_split}-*.parquet", f"{config}/{hub_split}/*.parquet", f"{config}/{hub_split}.parquet"),
        (f"data/{hub_split}-*.parquet", f"data/{hub_split}.parquet"),
    )
    for patterns in layouts:
        if matching := tuple(name for name in files if any(fnmatchcase(name, pattern) for pattern in patterns)):
            return matching
    raise _no_parquet_error(dataset, config, hub_split, files)


def _no_parquet_error(dataset: Hub, config: str, split: str, files: Iterable[str]) -> SourceError:
    name = f"hub:{dataset.repository}@{dataset.revision}"
    splits = list(dict.fromkeys(re.sub(r"(-\d+-of-\d+[^/]*|/\d+)?\.parquet$", "", name) for name in files))
    if not splits:
        return SourceError(f"{name} has no Parquet files", f"try its converted copy: revision {CONVERTED!r}")
    candidates = [name for name in splits if name.startswith(f"{config}/")] or splits
    more = f" and {len(candidates) - _MAX_NAMED} more" if len(candidates) > _MAX_NAMED else ""
    return SourceError(
        f"{name} has no Parquet files for configuration {config!r}, split {split!r}",
        f"available: {', '.join(candidates[:_MAX_NAMED])}{more}",
    )


def _listing_file(dataset: Hub, commit: str, cache: Path) -> Path:
    return cache / "listings" / f"{dataset.repository.replace('/', '--')}@{commit}.sealed"


def _listing(dataset: Hub, commit: str, cache: Path, offline: bool) -> FileSizes:
    """The Parquet files of a repository at a commit, requested once and stored in the cache."""
    note = _listing_file(dataset, commit, cache)
    if (content := read_sealed(note)) is not None:
        return json.loads(content)
    if offline:
        raise _not_cached_error(dataset, cache)
    try:
        sizes = _request_listing(dataset.repository, commit)
    except Exception as error:  # the client's HTTP library, and so its errors, differ between versions
        raise hub_commits.hub_error(
            error, dataset.repository, commit, kind="dataset", what="the list of files of "
        ) from None
    write_sealed(note, json.dumps(sizes))
    return sizes


def _request_listing(repository: str, commit: str) -> FileSizes:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    tree = HfApi(endpoint=hub_commits.endpoint()).list_repo_tree(
        repository, recursive=True, revision=commit, repo_type="dataset"
    )
    return {item.path: item.size for item in tree if isinstance(item, RepoFile) and item.path.endswith(".parquet")}


def _file(dataset: Hub, commit: str, name: str, cache: Path, offline: bool) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def download() -> Path:
        path = hf_hub_download(
            dataset.repository,
            name,
            repo_type="dataset",
            revision=commit,
            cache_dir=cache / "hub",
            local_files_only=offline,
            endpoint=hub_commits.endpoint(),
        )
        return Path(path)

    try:
        path = hub_files.verified(download, cache=cache, offline=offline)
    except SourceError:
        raise
    except Exception as error:  # see _listing
        if offline and isinstance(error, LocalEntryNotFoundError):
            raise _not_cached_error(dataset, cache) from None
        raise hub_commits.hub_error(error, dataset.repository, commit, kind="dataset", what=f"{name} of ") from None
    return path


def _not_cached_error(dataset: Hub, cache: Path) -> SourceError:
    return SourceError(
        f"hub:{dataset.repository}@{dataset.revision} is not in the cache {cache}",
        "run once without --offline, or set XSTILTS_DATA_ROOT to a folder with the benchmark's own files",
    )
