"""How long the texts may be that an encoder reads, by its configuration. Does not import torch."""

import json
from pathlib import Path
from typing import Any

_POSITIONS_FROM_PADDING = frozenset({"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "xmod"})
"""Architectures whose positions start above the id of the padding token."""


def max_tokens(folder: Path) -> int | None:
    """The most sub-words that the encoder in a folder has positions for; None if it has no limit or states none.

    The text half of a dual encoder has none: its texts are always cut to the length that it was trained with.
    """
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or config.get("position_biased_input") is False:
        return None
    if config.get("model_type") in _POSITIONS_FROM_PADDING:
        return positions - int(config.get("pad_token_id", 1)) - 1
    return positions
