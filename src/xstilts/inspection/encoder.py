"""Settings of a recipe that its encoder cannot follow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xstilts.config.recipe import Recipe
from xstilts.encoders.fetch import local_text_encoder
from xstilts.encoders.limits import max_tokens
from xstilts.inspection.finding import Finding


def check_lengths(recipe: Recipe, cache: Path) -> Iterator[Finding]:
    """Every `max_length` against the positions of the encoder, if the encoder is on this machine."""
    folder = local_text_encoder(recipe.encoder, cache, recipe.revision)
    limit = max_tokens(folder) if folder else None
    if limit is None:
        return
    for path, length in _max_lengths(recipe.model_dump()):
        if length > limit and "translate" not in path:
            yield Finding(
                code="too-long",
                severity="error",
                task="encoder",
                message=f"{recipe.encoder} reads at most {limit:,} sub-words, but {'.'.join(path)} is {length:,}",
                hint=f"set it to {limit} or less; longer texts are truncated, or split where the problem allows it",
            )


def _max_lengths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "max_length" and isinstance(inner, int):
                yield (*path, key), inner
            else:
                yield from _max_lengths(inner, (*path, str(key)))
