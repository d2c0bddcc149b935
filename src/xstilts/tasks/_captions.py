"""Captions of photographs: rows of Flickr30k and xFlickr&CO."""

from xstilts.formats.tables import Row
from xstilts.tasks._iglue import photo_reference

FAMILY = "flickr30k"


def caption(row: Row) -> Row | None:
    """A row with the image as id, plus the caption's index if the image has several. None for blank captions."""
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
