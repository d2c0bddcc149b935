"""Files with damaged bytes are read or refused with a DataError, never anything else."""

import gzip
import io
import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.spreadsheets import write_xlsx, write_xlsx_xml

from xstilts.errors import DataError
from xstilts.formats.benchmarks import aligned_files, bucc_sentences, headerless_tsv, tagged_sentences, unquoted_tsv
from xstilts.formats.ccgbank import auto_derivations, staged_gold
from xstilts.formats.image_annotations import captions, visual_questions
from xstilts.formats.squad import squad_questions
from xstilts.formats.tables import read_rows

EXAMPLES = 400
_SPECIAL = [b'"', b"\\", b"\t", b"\n", b"\r", b",", b";", b"[", b"{", b"]", b"}", b":", b"0", b"-", b"9" * 30, b"1e999"]
_SPECIAL += [
    b"\\ud83d",
    b"null",
    b"NaN",
    b"true",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80",
    b"#",
    b"[" * 200,
]

_VALUES = [None, "", "a", 0, -1, 1.5, 10**30, True, [], {}, [0, 1, "A"], [[]], ["a", "b"], {"text": 1}, float("nan")]


def _lines(*values: object) -> bytes:
    return "".join(f"{json.dumps(value)}\n" for value in values).encode()


_SPANS = {"text": "Amina went to 😀 Lagos.", "label": [[0, 5, "PER"], [16, 21, "LOC"]]}
_TASK = {
    "data": {"text": "Amina went."},
    "annotations": [
        {"result": [{"from_name": "ner", "value": {"start": 0, "end": 5, "text": "Amina", "labels": ["PER"]}}]},
        {"was_cancelled": True, "result": [{"from_name": "tone", "value": {"choices": ["good", "bad"]}}]},
    ],
}
_PRODIGY = {
    "text": "Amina went.",
    "answer": "accept",
    "accept": ["A"],
    "tokens": [{"text": "Amina", "start": 0, "end": 5}, {"text": "went", "start": 6, "end": 10}],
    "spans": [{"start": 0, "end": 5, "label": "PER"}],
}
_FLAT = {"id": 1, "annotator": 1, "annotation_id": 1, "lead_time": 1, "text": "Amina", "tone": {"choices": ["a"]}}
_QUESTION = {"id": "q", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}], "is_impossible": False}
_SQUAD = {"data": [{"title": "T", "paragraphs": [{"context": "Ada did.", "qas": [_QUESTION, _QUESTION]}]}]}
_GQA = {"7": {"question": "What?", "imageId": "n1", "answer": "a"}, "8": {"question": "Which?", "answer": "b"}}
_CONLLU = "".join(
    f"{name}\tb\tl\tNOUN\tNN\t_\t{head}\t_\t_\t_\n" for name, head in [("1-2", "_"), ("1", "2"), ("2", "0")]
)
_ROWS = 'text,label\n"a ""b""\nc",x\nd,y\n'

FILES: dict[str, bytes] = {
    "a.csv": _ROWS.encode(),
    "sep.csv": b"sep=;\r\ntext;label;\r\na;x;\r\n;;\r\n",
    "a.tsv": _ROWS.replace(",", "\t").encode(),
    "a.csv.gz": gzip.compress(_ROWS.encode() * 20, mtime=0),
    "a.jsonl": _lines({"text": "a\u00e9", "label": 1.5}, {"text": None, "label": [True, {"b": "\ud83d\ude00"}]}),
    "a.json": json.dumps([{"text": "a", "n": 1}, {"text": "b", "n": [2]}]).encode(),
    "columns.json": json.dumps({"text": ["a", "b"], "label": {"0": "x", "1": "y"}}).encode(),
    "squad.json": json.dumps(_SQUAD).encode(),
    "doccano.jsonl": _lines(_SPANS, {"text": "b", "label": []}),
    "prodigy.jsonl": _lines(_PRODIGY, _PRODIGY | {"answer": "reject"}),
    "label-studio.json": json.dumps([_TASK, _TASK]).encode(),
    "flat.json": json.dumps([_FLAT, _FLAT | {"ner": [{"start": 0, "end": 5, "labels": ["A"]}]}]).encode(),
    "a.conll": b"-DOCSTART- -X- O\n\n# id\nAmina NNP B-PER\nwent VB O\n\n#a X O\n",
    "a.txt": b"Amina\tB-PER\nalienda\tO\n\nmji\tO\n",
    "a.conllu": f"# text = b\n{_CONLLU}\n{_CONLLU}".encode(),
}

READERS: dict[str, tuple[Callable[[Path], object], bytes]] = {
    "squad": (squad_questions, json.dumps(_SQUAD).encode()),
    "captions.jsonl": (captions, _lines({"sentences": ["a", "b"], "img_path": "1.jpg"})),
    "visual questions": (visual_questions, json.dumps(_GQA).encode()),
    "tagged": (tagged_sentences, b"a\tX\nb\tY\n\nc\tX\n"),
    "headerless": (headerless_tsv("text", "pair", optional="label"), b"a\tb\tc\nd\te\tf\n"),
    "unquoted": (unquoted_tsv, b'text\tlabel\n"a\tx\n'),
    "aligned.xx": (aligned_files(".xx"), b"a\nb\n"),
    "xx-en.dev.xx": (bucc_sentences, b"xx-1\ta\nxx-2\tb\n"),
    "derivations": (auto_derivations, b"ID=1\n(<T S 0 2> (<L NP NNP NNP Vinken NP>) (<L S VB VB sees S>) )\n"),
    "staged": (staged_gold, b"Vinken|NNP|NP sees|VB|S\n"),
}


def _damaged(content: bytes, seed: int) -> bytes:
    """The content after one to four random edits: a piece overwritten, inserted, deleted or moved."""
    generator, data = random.Random(seed), bytearray(content)
    for _ in range(generator.randint(1, 4)):
        start = generator.randrange(len(data) + 1)
        stop = min(len(data), start + generator.choice((0, 1, 1, 2, 8, 64)))
        piece = generator.choice(
            [*_SPECIAL, generator.randbytes(generator.randint(1, 4)), bytes(data[:stop][-9:]), b""]
        )
        data[start:stop] = piece
    return bytes(data)


def _with_other_value(content: bytes, seed: int) -> bytes:
    """JSON, or JSON lines, with one to three of its values replaced by values of other types."""
    generator = random.Random(seed)
    values = [json.loads(line) for line in content.decode().split("\n") if line.strip()]
    for _ in range(generator.randint(1, 3)):
        parent: object = values
        while isinstance(parent, list | dict) and parent:
            key = generator.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
            if generator.random() < 0.3 or not isinstance(parent[key], list | dict):
                parent[key] = deepcopy(generator.choice(_VALUES))
                break
            parent = parent[key]
    return "".join(f"{json.dumps(value)}\n" for value in values).encode()


def check(path: Path, read: Callable[[Path], object], content: bytes) -> None:
    path.write_bytes(content)
    try:
        rows = read(path)
        assert all(isinstance(row, tuple) for row in getattr(rows, "rows", rows))
    except DataError as error:
        assert str(path.parent) in error.message


def fuzz(folder: Path, name: str, read: Callable[[Path], object], content: bytes, examples: int = EXAMPLES) -> None:
    check(folder / name, read, content)
    json_lines = content.startswith((b"{", b"["))

    @settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.integers(0, 2**64))
    def damage(seed: int) -> None:
        check(folder / name, read, _damaged(content, seed))
        if json_lines:
            check(folder / name, read, _with_other_value(content, seed))

    damage()


@pytest.mark.parametrize("name", FILES)
def test_damaged_text_files(tmp_path, name):
    fuzz(tmp_path, name, read_rows, FILES[name])


@pytest.mark.parametrize("name", READERS)
def test_damaged_benchmark_files(tmp_path, name):
    read, content = READERS[name]
    fuzz(tmp_path, name, read, content)


def test_damaged_parquet_files(tmp_path):
    buffer = io.BytesIO()
    frame = pl.DataFrame({"text": ["a", "b"], "tags": [[0, 1], [1]], "score": [0.5, float("nan")]})
    features = {"info": {"features": {"tags": {"feature": {"names": ["O", "B-X"], "_type": "ClassLabel"}}}}}
    frame.write_parquet(buffer, metadata={"huggingface": json.dumps(features)})
    fuzz(tmp_path, "a.parquet", read_rows, buffer.getvalue(), examples=200)


def test_damaged_excel_files(tmp_path):
    content = write_xlsx(tmp_path / "a.xlsx", {1: ["text", "label"], 2: ["a", 1], 3: [None, True]}).read_bytes()
    fuzz(tmp_path, "a.xlsx", read_rows, content, examples=200)


def test_damaged_sheets_of_excel_files(tmp_path):
    strings = '<c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="B2" t="str"><f>A1</f><v>x</v></c>'
    others = '<c r="A4" t="s"><v>0</v></c><c r="B4" t="e"><v>#N/A</v></c><c r="C4"><v>0.5</v></c>'
    sheet = f'<row r="1"><c r="A1"><v>1</v></c></row><row r="2">{strings}</row><row r="4">{others}</row>'

    def read(path: Path) -> object:
        return read_rows(write_xlsx_xml(tmp_path / "b.xlsx", path.read_text(errors="replace")))

    fuzz(tmp_path, "sheet.xml", read, sheet.encode())
