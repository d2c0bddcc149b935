"""Uploads an exported folder to the Hugging Face Hub."""

import os
from pathlib import Path

from xstilts.cache.hub_commits import endpoint
from xstilts.errors import SourceError, UserError


def require_token(repository: str) -> str:
    """The token in HF_TOKEN. Raises UserError if there is none, or for a name that is not `owner/name`."""
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise UserError(f"{repository!r} is no name of a repository", "write --push-to-hub owner/name")
    if not (token := os.environ.get("HF_TOKEN")):
        raise UserError("an upload to the Hub needs a token", "set HF_TOKEN to a token that may write")
    return token


def push(folder: Path, repository: str, *, public: bool = False) -> str:
    """Create the model repository, private unless `public`, upload all files of `folder` as one commit, and return its
    address. The token is that of HF_TOKEN; HF_ENDPOINT selects another server. An existing repository stays as visible
    as it is. Raises SourceError if the Hub cannot be reached or refuses.
    """
    token = require_token(repository)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        HFValidationError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage]
        OfflineModeIsEnabled,
    )

    api = HfApi(endpoint=endpoint(), token=token)
    try:
        created = api.create_repo(repository, private=not public, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Upload a model of xstilts")
    except OfflineModeIsEnabled:
        raise SourceError("HF_HUB_OFFLINE forbids the upload", "unset it; the exported folder is complete") from None
    except (HTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SourceError(
            f"{folder} could not be uploaded to {repository}: {reason}",
            "check the connection, HF_TOKEN and HF_ENDPOINT; the exported folder is complete",
        ) from error
    return str(created)
