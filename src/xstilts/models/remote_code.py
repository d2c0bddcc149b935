"""Rejects encoders that need remote Python code from their repository, which is never run."""

import json
from pathlib import Path

from xstilts.errors import DataError
from xstilts.models.families import BY_MODEL_TYPE

NATIVE = {
    "new": "hub:alibaba-nlp-community/gte-multilingual-base",
    "xlm-roberta-flash": "hub:jinaai/jina-embeddings-v3-hf",
}
"""By `model_type`: a checkpoint of the same encoder that transformers supports natively."""


def check_remote_code(folder: Path) -> None:
    """Raise DataError if config.json in `folder` refers to remote code (`auto_map`) or is known to need it."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    model_type = str(config.get("model_type"))
    if model_type not in NATIVE and not config.get("auto_map"):
        return
    supported = ", ".join(BY_MODEL_TYPE)
    raise DataError(
        f"{folder} is a {model_type!r} encoder that needs remote code from its repository, which is never run",
        f"use {NATIVE.get(model_type, f'a checkpoint that transformers supports natively ({supported})')}",
    )
