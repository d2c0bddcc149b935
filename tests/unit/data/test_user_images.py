import shutil
from pathlib import Path

import polars as pl
import pytest

from xstilts.config.files import TaskFiles
from xstilts.data import user_files
from xstilts.data.load import load
from xstilts.data.user_files import user_task
from xstilts.errors import DataError
from xstilts.problems import Caption, ImageText

ABOUT = {"text": "text", "images": "image", "label": "label"}
CAPTIONS = {"text": "text", "image": "image"}


def block(name: str = "data.csv", **given) -> TaskFiles:
    return TaskFiles(**{"files": {"fi": {"test": name}}, "columns": ABOUT, "problem": "image-text", **given})


def write(folder: Path, rows: str, header: str = "text,image,label") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "data.csv").write_text(f"{header}\n{rows}")


@pytest.fixture
def read(tmp_path):
    def examples(**given):
        task = user_task("own", block(**given), tmp_path, tmp_path / "cache")
        return load(task, "fi", "test", cache=tmp_path / "cache", offline=True)

    return examples


def test_paths_are_relative_to_the_file_and_urls_are_unchanged(read, tmp_path):
    write(tmp_path / "shop", "a cup,img/a.jpg,yes\na cup,https://example.org/b.jpg,no\n")
    examples = read(name="shop/data.csv")
    assert isinstance(examples[0], ImageText)
    assert [e.images for e in examples] == [(f"file:{tmp_path}/shop/img/a.jpg",), ("https://example.org/b.jpg",)]
    assert [e.label for e in examples] == ["yes", "no"]


def test_rows_with_the_same_image_share_a_group(read, tmp_path):
    write(tmp_path, "a cup,a.jpg,yes\na mug,img/../a.jpg,no\na cup,b.jpg,no\n")
    groups = [e.group for e in read()]
    assert groups[0] == groups[1] != groups[2]


def test_several_columns_give_several_images(read, tmp_path):
    write(tmp_path, "same,a.jpg,b.jpg\n", header="text,left,right")
    examples = read(columns={"text": "text", "images": "left, right"})
    assert examples[0].images == (f"file:{tmp_path}/a.jpg", f"file:{tmp_path}/b.jpg")


def test_a_list_gives_several_images_but_a_caption_has_one(read, tmp_path):
    (tmp_path / "d.jsonl").write_text('{"text": "same", "image": ["a.jpg", "coco:b"]}\n')
    columns = {"text": "text", "images": "image"}
    assert read(name="d.jsonl", columns=columns)[0].images == (f"file:{tmp_path}/a.jpg", "coco:b")
    with pytest.raises(DataError, match=r"d\.jsonl:1: "):
        read(name="d.jsonl", columns=CAPTIONS, problem="image-retrieval")


@pytest.mark.parametrize("boxed", [True, False])
def test_parquet_images_are_referenced_by_row_and_column(read, tmp_path, boxed):
    images = [b"\x89PNG 1", b"\x89PNG 2"]
    cells = [{"bytes": image, "path": "x.png"} for image in images] if boxed else images
    pl.DataFrame({"text": ["a", "b"], "image": cells}).write_parquet(tmp_path / "d.parquet")
    examples = read(name="d.parquet", columns=CAPTIONS, problem="image-retrieval")
    assert isinstance(examples[0], Caption)
    assert [e.image for e in examples] == [f"parquet:{tmp_path}/d.parquet#{row}/image" for row in (0, 1)]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ("a cup,a.jpg,yes\na cup,,no\n", r"data\.csv:3: an image is missing \(column 'image'\)"),
        ("a cup,a.jpg,yes\n,a.jpg,no\n", r"data\.csv:3: the text is missing"),
    ],
)
def test_rows_with_missing_cells_are_located(read, tmp_path, rows, what):
    write(tmp_path, rows)
    with pytest.raises(DataError, match=what):
        read()


def test_several_images_as_bytes_in_one_cell_are_rejected(read, tmp_path):
    pl.DataFrame({"text": ["a"], "image": [[b"1", b"2"]]}).write_parquet(tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"d\.parquet:1: .*'image'"):
        read(name="d.parquet", columns={"text": "text", "images": "image"})


def test_image_content_is_part_of_the_fingerprint(tmp_path):
    write(tmp_path, "a cup,a.jpg,yes\na cup,https://example.org/b.jpg,no\n")

    def fingerprint() -> str:
        return user_task("own", block(), tmp_path, tmp_path / "cache").fingerprint("fi")

    absent = fingerprint()
    (tmp_path / "a.jpg").write_bytes(b"one")
    first = fingerprint()
    (tmp_path / "a.jpg").write_bytes(b"another")
    second = fingerprint()
    (tmp_path / "a.jpg").write_bytes(b"one")
    assert len({absent, first, second}) == 3
    assert fingerprint() == first


def test_moved_data_is_read_again(tmp_path):
    write(tmp_path / "here", "a cup,a.jpg,yes\n")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    images = [
        load(
            user_task("own", block(), tmp_path / folder, tmp_path / "cache"),
            "fi", "test", cache=tmp_path / "cache", offline=True,
        )[0].images
        for folder in ("here", "there")
    ]  # fmt: skip
    assert images == [(f"file:{tmp_path}/here/a.jpg",), (f"file:{tmp_path}/there/a.jpg",)]


def test_image_references_of_a_table_are_cached(tmp_path, monkeypatch):
    write(tmp_path, "a cup,a.jpg,yes\n")
    before = user_task("own", block(), tmp_path, tmp_path / "cache")
    monkeypatch.setattr(user_files, "rows", lambda path: pytest.fail("read again"))
    assert user_task("own", block(), tmp_path, tmp_path / "cache").fingerprint("fi") == before.fingerprint("fi")
