"""Small valid files of every format that users bring."""

import gzip
import io
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image
from safetensors.numpy import save
from tests.spreadsheets import write_xlsx, write_xlsx_xml


def json_lines(*values: object) -> bytes:
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
SQUAD = json.dumps(
    {"data": [{"title": "T", "paragraphs": [{"context": "Ada did.", "qas": [_QUESTION, _QUESTION]}]}]}
).encode()
_CONLLU = "".join(
    f"{name}\tb\tl\tNOUN\tNN\t_\t{head}\t_\t_\t_\n" for name, head in [("1-2", "_"), ("1", "2"), ("2", "0")]
)
_ROWS = 'text,label\n"a ""b""\nc",x\nd,y\n'

TEXT_FILES: dict[str, bytes] = {
    "a.csv": _ROWS.encode(),
    "sep.csv": b"sep=;\r\ntext;label;\r\na;x;\r\n;;\r\n",
    "a.tsv": _ROWS.replace(",", "\t").encode(),
    "a.jsonl": json_lines({"text": "a\u00e9", "label": 1.5}, {"text": None, "label": [True, {"b": "\ud83d\ude00"}]}),
    "a.ndjson": json_lines({"text": "a", "label": "x"}, {"text": "b", "label": None}),
    "a.json": json.dumps([{"text": "a", "n": 1}, {"text": "b", "n": [2]}]).encode(),
    "columns.json": json.dumps({"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}).encode(),
    "doccano.jsonl": json_lines(_SPANS, {"text": "b", "label": []}),
    "prodigy.jsonl": json_lines(_PRODIGY, _PRODIGY | {"answer": "reject"}),
    "label-studio.json": json.dumps([_TASK, _TASK]).encode(),
    "flat.json": json.dumps([_FLAT, _FLAT | {"ner": [{"start": 0, "end": 5, "labels": ["A"]}]}]).encode(),
    "a.conll": b"-DOCSTART- -X- O\n\n# id\nAmina NNP B-PER\nwent VB O\n\n#a X O\n",
    "a.bio": b"Amina B-PER\nwent O\n\nshe O\n",
    "a.txt": b"Amina\tB-PER\nalienda\tO\n\nmji\tO\n",
    "a.conllu": f"# text = b\n{_CONLLU}\n{_CONLLU}".encode(),
}
"""Files with a registered suffix."""

GQA = json.dumps(
    {
        "7": {"question": "What?", "imageId": "n1", "answer": "a"},
        "8": {"question": "Which?", "imageId": "n2", "answer": "b"},
    }
).encode()

RECIPE = b"""name: fuzzed
encoder: e5-small
seeds: [0, 1]
tasks:
  rooms: {problem: classification, files: {en: rooms.csv, de: {train: rooms.csv, test: rooms.csv}},
          columns: {text: sentence, label: room}, fractions: {train: 0.6, dev: 0.2, test: 0.2}}
intermediate:
  none:
  topics: {tasks: [intent], train: &train {steps: 4, precision: fp32}}
  texts: {mlm: {texts: {de: rooms.csv}, column: sentence}}
  more: {match_steps_of: topics}
targets:
  rooms: {languages: [de], train: {<<: *train, max_length: 32}}
fewshot:
  shots: [1, 4]
  draws: 2
  methods: [lora, {method: lda, shrinkage: 0.5}]
  languages: [de]
primary: {task: rooms, treatment: {intermediate: topics, shots: 4, method: lora}, baseline: {intermediate: none}}
"""

SMALL_RECIPE = b"""name: fuzzed
encoder: e5-small
tasks: {rooms: {problem: classification, files: {en: rooms.csv}, columns: {text: sentence, label: room}}}
targets: {rooms: {languages: [en]}}
"""

ROWS: dict[str, tuple[dict[str, object], ...]] = {
    "classification": ({"text": "a b", "pair": "c", "label": "x"}, {"text": "d", "pair": "e", "label": 3}),
    "multi-label": ({"text": "a", "labels": ["x", "y"]}, {"text": "b", "labels": "x;y"}),
    "choice": (
        {"prompt": "a", "choices": ["x", "y"], "answer": 0},
        {"prompt": "b", "choices": "['x', 'y']", "answer": "1"},
    ),
    "span": (
        {"question": "a", "context": "b c d", "answer_text": "c", "answer_start": 2},
        {"question": "a", "context": "b c d", "answer_text": ["c", "d"], "answer_start": [2, 4]},
    ),
    "tagging": (
        {"words": ["Amina", "went"], "tags": ["B-PER", "O"]},
        {"words": "Amina went", "tags": "['B-PER', 'O']"},
    ),
    "retrieval": ({"id": "1", "text": "a", "english": "b"}, {"id": "2", "text": "c", "english": "d"}),
    "mining": (
        {"id": "1", "text": "a", "english": True, "partners": ["2"]},
        {"id": "2", "text": "b", "english": "false", "partners": "['1']"},
    ),
    "image-text": (
        {"text": "a", "images": "a.png", "label": "x"},
        {"text": "b", "images": ["a.png", "https://example.org/b.png"], "label": "y"},
    ),
    "image-retrieval": ({"text": "a", "image": "a.png"}, {"text": "b", "image": {"path": "b.png"}}),
}
"""Rows of every kind of problem, under the names of its columns."""

DRAWING = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 40 20">
<defs><linearGradient id="g"><stop offset="0" stop-color="#f00"/><stop offset="1" stop-color="blue"/></linearGradient>
<filter id="f"><feGaussianBlur stdDeviation="1"/><feTurbulence numOctaves="2" baseFrequency="0.05"/></filter>
<pattern id="p" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="2" height="2"/></pattern></defs>
<g transform="translate(1 2) rotate(30)"><path d="M0 0L40 20C1 2 3 4 5 6Z" stroke="#000" stroke-width="2"
stroke-dasharray="3 1" fill="url(#g)"/><use xlink:href="#g"/></g><text x="1" y="9" font-size="8">abc</text>
<rect width="20" height="20" fill="url(#p)" filter="url(#f)"/><image href="data:image/png;base64,AAAA" width="4"/></svg>
"""


_SHEET = (
    '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c><c r="C1"><v>3</v></c></row>'
    '<row r="2"><c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="B2" t="str"><f>A1</f><v>x</v></c></row>'
    '<row r="4"><c r="A4" t="b"><v>1</v></c><c r="B4" t="e"><v>#N/A</v></c><c r="C4"><v>0.5</v></c></row>'
)
"""Rows with cells of every type."""


@cache
def binary_files() -> dict[str, tuple[bytes, ...]]:
    """Contents by format."""
    buffer = io.BytesIO()
    frame = pl.DataFrame({"text": ["a", "b"], "tags": [[0, 1], [1]], "score": [0.5, float("nan")]})
    features = {"info": {"features": {"tags": {"feature": {"names": ["O", "B-X"], "_type": "ClassLabel"}}}}}
    frame.write_parquet(buffer, metadata={"huggingface": json.dumps(features)})
    with tempfile.TemporaryDirectory() as folder:
        cells = {1: ["text", "label"], 2: ["a", 1], 3: [None, True], 4: ["b <&>", 0.5]}
        sheet = write_xlsx(Path(folder) / "a.xlsx", cells).read_bytes()
        typed_sheet = write_xlsx_xml(Path(folder) / "b.xlsx", _SHEET).read_bytes()
    array = io.BytesIO()
    np.save(array, np.ones((2, 3, 4), dtype=np.float32))
    return {
        "parquet": (buffer.getvalue(),),
        "xlsx": (sheet, typed_sheet),
        "gzip": tuple(gzip.compress(content * 20, mtime=0) for content in (_ROWS.encode(), TEXT_FILES["a.tsv"])),
        "npy": (array.getvalue(),),
        "safetensors": (save({"a": np.ones((3, 4), np.float32), "b": np.ones((3, 4), np.float16)}),),
        **{kind: _images(kind) for kind in ("png", "jpeg", "gif", "webp", "tiff", "bmp", "ppm")},
    }


def _images(kind: str) -> tuple[bytes, ...]:
    gradient = Image.linear_gradient("L").resize((24, 16))
    images = [Image.merge("RGB", [gradient, gradient.rotate(180), gradient]), gradient]
    if kind in ("png", "gif", "webp"):
        images.append(Image.merge("RGBA", [gradient] * 4) if kind != "gif" else gradient.convert("P"))
    contents = []
    for image in images:
        output = io.BytesIO()
        image.save(output, kind)
        contents.append(output.getvalue())
    return tuple(contents)
