from pathlib import Path

import pytest

from xstilts.errors import DataError
from xstilts.problems.cells import FileRow
from xstilts.problems.references import image_reference, local_file

TABLE = Path("/data/shop/test.parquet")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a.jpg", "file:/data/shop/a.jpg"),
        (" img/../b c.png ", "file:/data/shop/b c.png"),
        ("../a.jpg", "file:/data/a.jpg"),
        ("/x/a.jpg", "file:/x/a.jpg"),
        ("file:img/a.jpg", "file:/data/shop/img/a.jpg"),
        ("https://example.org/a.jpg", "https://example.org/a.jpg"),
        ("coco:COCO_val2014_000000391895", "coco:COCO_val2014_000000391895"),
        (b"\x89PNG", "parquet:/data/shop/test.parquet#4/photo"),
        ({"bytes": b"\x89PNG", "path": "a.png"}, "parquet:/data/shop/test.parquet#4/photo"),
        ({"bytes": None, "path": "a.png"}, "file:/data/shop/a.png"),
        ({"bytes": None, "path": None}, None),
        (b"", None),
        (None, None),
        ("  ", None),
    ],
)
def test_image_references_of_cells(value, found):
    assert image_reference(value, TABLE, 4, "photo") == found


def test_a_name_with_a_nul_character_is_located():
    row = FileRow(TABLE, 5, {"photo": "a\0.jpg"}, {"image": "photo"})
    with pytest.raises(DataError) as caught:
        row.images()
    assert caught.value.message.startswith(f"{TABLE}:5: ")


def test_local_files_of_references():
    assert local_file("file:/x/a:b.jpg") == Path("/x/a:b.jpg")
    assert local_file("parquet:/x/a#1.parquet#4/photo") == Path("/x/a#1.parquet")
    assert local_file("https://example.org/a.jpg") is None
    assert local_file("openmoji:1F355") is None
