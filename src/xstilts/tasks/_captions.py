"""Captions of photographs: rows of Flickr30k and xFlickr&CO."""

from xstilts.formats.tables import Row
from xstilts.tasks._iglue import photo_reference

FAMILY = "flickr30k"


def caption(row: Row) -> Row | None:
    """The id is the image, with the caption's place where it has several. None for a caption of blanks."""
    if not row["caption"].strip():
        return None
    image = photo_reference(row["img_path"])
    name = image.partition(":")[2]
    return {
        "id": name if row["place"] is None else f"{name}#{row['place']}",
        "text": row["caption"],
        "image": image,
        "unit": image,
    }
