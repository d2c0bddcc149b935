"""Encoders that exist only as Python code in their repository: that code is never run, and the error says so."""

import json
from pathlib import Path

from xstilts.errors import DataError
from xstilts.models.families import BY_MODEL_TYPE

NATIVE = {
    "new": "hub:alibaba-nlp-community/gte-multilingual-base",
    "xlm-roberta-flash": "hub:jinaai/jina-embeddings-v3-hf",
}
"""By `model_type`: the checkpoint that transformers reads by itself."""


def check_remote_code(folder: Path) -> None:
    """Raise DataError where config.json in `folder` asks for code of its repository, or is known to need it."""
    path = folder / "config.json"
    stated = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    model_type = str(stated.get("model_type"))
    if model_type not in NATIVE and not stated.get("auto_map"):
        return
    native = ", ".join(BY_MODEL_TYPE)
    raise DataError(
        f"{folder} holds a {model_type!r} encoder that needs Python code from its repository, which is never run",
        f"use {NATIVE.get(model_type, f'a checkpoint that transformers reads by itself ({native})')}",
    )
