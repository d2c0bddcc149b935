"""Commits of revisions on the Hugging Face Hub, requested once and cached: keys do not change when a branch moves.

The Hub's client is imported only when it is needed.
"""

import os
import re
from pathlib import Path
from typing import Literal

from xstilts.errors import SourceError
from xstilts.platform.sealed import read_sealed, write_sealed

Kind = Literal["model", "dataset"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOUN: dict[Kind, str] = {"model": "encoder", "dataset": "data set"}
_ALTERNATIVE: dict[Kind, str] = {
    "model": "`e5-small` comes from a package index instead",
    "dataset": "set XSTILTS_DATA_ROOT to a folder with the benchmark's own files instead",
}


def endpoint() -> str | None:
    """`HF_ENDPOINT`, or None for the public Hub."""
    return os.environ.get("HF_ENDPOINT")


def known(repository: str, revision: str, *, kind: Kind, cache: Path) -> str | None:
    """The commit of a revision if it is known without a request: it is a commit, or was resolved before."""
    if _COMMIT.fullmatch(revision):
        return revision
    commit = read_sealed(_note(repository, revision, kind, cache))
    return None if commit is None else commit.decode()


def resolve(repository: str, revision: str, *, kind: Kind, cache: Path, offline: bool) -> str:
    """The commit of a branch, tag or commit. Raises SourceError if it is not cached and the Hub cannot be reached."""
    if commit := known(repository, revision, kind=kind, cache=cache):
        return commit
    if offline:
        raise SourceError(
            f"hub:{repository}@{revision} is not in the cache {cache}",
            f"run once without --offline; {_ALTERNATIVE[kind]}",
        )
    try:
        commit = _request_commit(repository, revision, kind)
    except Exception as error:  # the client's HTTP library, and so its errors, differ between versions
        raise hub_error(error, repository, revision, kind=kind, what="the commit of ") from None
    write_sealed(_note(repository, revision, kind, cache), commit)
    return commit


def hub_error(error: Exception, repository: str, revision: str | None, *, kind: Kind, what: str = "") -> SourceError:
    """A SourceError for an exception of the Hub's client; `what` names the requested thing in the message."""
    from huggingface_hub import errors

    name = f"hub:{repository}@{revision}" if revision else f"hub:{repository}"
    if isinstance(error, errors.RevisionNotFoundError):
        return SourceError(f"{repository} has no revision {revision!r}", "check the name of the revision")
    if isinstance(error, errors.RepositoryNotFoundError):  # includes GatedRepoError
        return SourceError(
            f"the Hub has no {_NOUN[kind]} {repository!r}, or you have no access to it",
            "check the spelling; if it is gated or private, log in with `hf auth login`",
        )
    reason = str(error.__cause__ or error).strip().partition("\n")[0]
    return SourceError(
        f"{what}{name} cannot be downloaded: {reason}", f"check the connection or HF_ENDPOINT; {_ALTERNATIVE[kind]}"
    )


def _note(repository: str, revision: str, kind: Kind, cache: Path) -> Path:
    folder = cache / "revisions" / "datasets" if kind == "dataset" else cache / "revisions"
    return folder / f"{repository.replace('/', '--')}@{revision.replace('/', '--')}.sealed"


def _request_commit(repository: str, revision: str, kind: Kind) -> str:
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=endpoint())
    info = hub.dataset_info if kind == "dataset" else hub.model_info
    commit = info(repository, revision=revision, timeout=10).sha
    if not commit:
        raise ValueError("the Hub returned no commit; set `revision` to a commit")
    return commit
