"""Finds the images of published collections below a data root."""

import glob
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from xstilts.data.images.locations import ImageLocations, read_file
from xstilts.errors import ImageError
from xstilts.platform.files import is_file

_PATTERNS: dict[str, tuple[str, ...]] = {
    "flickr30k": (
        "flickr30k/images/{name}.jpg",
        "flickr30k/flickr30k-images/{name}.jpg",
        "flickr30k/flickr30k_images/{name}.jpg",
        "flickr30k-images/{name}.jpg",
        "xFlickrCO/images/{name}.jpg",
    ),
    "coco": (
        "coco/images/{name}.jpg",
        "coco/val2014/{name}.jpg",
        "coco/images/val2014/{name}.jpg",
        "mscoco/images/{name}.jpg",
        "xFlickrCO/images/{name}.jpg",
    ),
    "gqa": ("gqa/images/{name}.jpg",),
    "nlvr2": (
        "nlvr2/images/{name}.png",
        "nlvr2/images/*/{name}.png",
        "nlvr2/images/train/*/{name}.png",
        "nlvr2/*/{name}.png",
    ),
    "marvl": (
        "marvl/images/{name}",
        "marvl/{name}",
        "marvl/images/{first}/*/{last}",
        "marvl/images/{first}/images/*/{last}",
        "marvl/{first}/images/*/{last}",
    ),
    "wit": ("wit/images/{last}",),
}
"""Paths below the root or its folder `multimodal`; `{first}` and `{last}` are the first and last part of the name."""


def local_collections() -> tuple[str, ...]:
    """The collections that can be stored below a data root."""
    return tuple(_PATTERNS)


def image_folders(collection: str) -> tuple[str, ...]:
    """Glob patterns of a collection's image folders below the root or its folder `multimodal`, without nested ones."""
    patterns = dict.fromkeys(
        pattern.rpartition("/")[0].replace("{first}", "*").replace("{last}", "*") for pattern in _PATTERNS[collection]
    )
    return tuple(pattern for pattern in patterns if not any(pattern.startswith(f"{other}/") for other in patterns))


def image_file(collection: str, name: str, root: Path) -> Path | None:
    """The file of an image, or None if there is none. Raises ImageError for a name outside of its folder."""
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise ImageError(f"{collection}:{name} is outside of its folder", "correct the name")
    return next((path for path in _candidates(collection, name, root) if is_file(path)), None)


def read_collection_image(collection: str, name: str, locations: ImageLocations) -> bytes:
    """The bytes of an image. Raises ImageError if it is missing."""
    reference = f"{collection}:{name}"
    path = image_file(collection, name, locations.root) if locations.root else None
    if path is None:
        raise _missing(reference, _PATTERNS[collection], locations.root)
    return read_file(path, reference)


def _candidates(collection: str, name: str, root: Path) -> Iterator[Path]:
    components = [component for component in unquote(name).split("/") if component]
    fields = {"name": name, "first": components[0], "last": components[-1]}
    for base in (root, root / "multimodal"):
        for pattern in _PATTERNS[collection]:
            folder, _, file = pattern.rpartition("/")
            file = file.format(**fields)
            if "*" in folder:
                folder = folder.format(**{field: glob.escape(value) for field, value in fields.items()})
                yield from (match / file for match in sorted(base.glob(folder)))
            else:
                yield base / folder.format(**fields) / file


def _missing(reference: str, patterns: tuple[str, ...], root: Path | None) -> ImageError:
    if root is None:
        return ImageError(
            f"{reference} is missing: no data root is set", "set XSTILTS_DATA_ROOT to the folder with the images"
        )
    return ImageError(
        f"{reference} is missing: neither {root} nor its folder multimodal has any of {', '.join(patterns)}",
        "put the image there",
    )
