"""Commits of the Hugging Face Hub, asked for once and noted in the cache, so that keys do not move when a branch does.

No torch; the Hub's client is imported when it is needed.
"""

import os
import re
from pathlib import Path
from typing import Literal

from xstilts.errors import SourceError
from xstilts.platform.files import write_file

Kind = Literal["model", "dataset"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOUN: dict[Kind, str] = {"model": "encoder", "dataset": "data set"}
_ELSEWHERE: dict[Kind, str] = {
    "model": "`e5-small` comes from a package index instead",
    "dataset": "set XSTILTS_DATA_ROOT to a folder with the benchmark's own files instead",
}


def endpoint() -> str | None:
    """`HF_ENDPOINT`, or None for the public Hub."""
    return os.environ.get("HF_ENDPOINT")


def known(repository: str, revision: str, *, kind: Kind, cache: Path) -> str | None:
    """The commit of a revision if it is known without asking: it is one, or it was asked for before."""
    if _COMMIT.fullmatch(revision):
        return revision
    note = _note(repository, revision, kind, cache)
    return note.read_text().strip() if note.is_file() else None


def resolve(repository: str, revision: str, *, kind: Kind, cache: Path, offline: bool) -> str:
    """The commit of a branch, tag or commit. Raises SourceError where the Hub is needed and cannot be asked."""
    if commit := known(repository, revision, kind=kind, cache=cache):
        return commit
    if offline:
        raise SourceError(
            f"hub:{repository}@{revision} is not in the cache {cache}",
            f"run once without --offline; {_ELSEWHERE[kind]}",
        )
    try:
        commit = _ask(repository, revision, kind)
    except Exception as error:  # the client's HTTP library, and so its errors, differ between versions
        raise hub_error(error, repository, revision, kind=kind, what="the commit of ") from None
    write_file(_note(repository, revision, kind, cache), commit)
    return commit


def hub_error(error: Exception, repository: str, revision: str | None, *, kind: Kind, what: str = "") -> SourceError:
    """What the Hub's client raised, in words; `what` was asked of the repository."""
    from huggingface_hub import errors

    name = f"hub:{repository}@{revision}" if revision else f"hub:{repository}"
    if isinstance(error, errors.RevisionNotFoundError):
        return SourceError(f"{repository} has no revision {revision!r}", "check the name of the revision")
    if isinstance(error, errors.RepositoryNotFoundError):  # a gated one is one of these
        return SourceError(
            f"the Hub has no {_NOUN[kind]} {repository!r}, or not for you",
            "check the spelling; for a gated or private one log in with `hf auth login`",
        )
    reason = str(error.__cause__ or error).strip().partition("\n")[0]
    return SourceError(
        f"{what}{name} cannot be fetched: {reason}", f"check the connection or HF_ENDPOINT; {_ELSEWHERE[kind]}"
    )


def _note(repository: str, revision: str, kind: Kind, cache: Path) -> Path:
    folder = cache / "revisions" / "datasets" if kind == "dataset" else cache / "revisions"
    return folder / f"{repository.replace('/', '--')}@{revision.replace('/', '--')}"


def _ask(repository: str, revision: str, kind: Kind) -> str:
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=endpoint())
    ask = hub.dataset_info if kind == "dataset" else hub.model_info
    found = ask(repository, revision=revision, timeout=10).sha
    if not found:
        raise ValueError("the Hub names no commit; give `revision` one")
    return found
