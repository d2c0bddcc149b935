"""Small valid files of benchmarks in their published layout, and a reader that makes examples of them."""

import json
from pathlib import Path

from tests.reliability import seeds

from xstilts.data.benchmark_files import bind
from xstilts.tasks import load_task

_PAIR = {"gold_label": "neutral", "sentence1": "A.", "sentence2": "B.", "pairID": "7.jpg#0r1", "Flikr30kID": "7"}
_STATEMENT = {"concept": "52-a", "language": "zh", "caption": "C.", "id": "zh-0", "label": True}
_STATEMENT |= {"left_img": "52-0.jpg", "right_img": "52-1.jpg", "chapter": "a"}
_CAPTION = {"image_url": "http://example.org/1.jpg", "caption_reference_description": "A bridge", "wit_ix": 1}
_NLVR2 = {"identifier": "dev-1-0-0", "sentence": "A bottle.", "label": "True"}
_GQA = {"img_id": "2", "label": {"women": 1.0}, "question_id": "20", "sent": "Who?"}

FILES: dict[str, tuple[str, str, bytes]] = {
    "xvnli": ("ar", "XVNLI/annotations/ar/test.jsonl", seeds.json_lines(_PAIR, _PAIR | {"pairID": "b"})),
    "marvl": ("zh", "marvl/zero_shot/annotations/marvl-zh.jsonl", seeds.json_lines(_STATEMENT)),
    "nlvr2": ("en", "nlvr2/annotations/dev.jsonl", seeds.json_lines(_NLVR2)),
    "xgqa": ("bn", "xGQA/annotations/few_shot/bn/test.json", seeds.GQA),
    "gqa": ("en", "gqa/annotations/train.json", json.dumps([_GQA, _GQA | {"question_id": "21"}]).encode()),
    "xflickrco": (
        "de",
        "xFlickrCO/annotations/de/test.jsonl",
        seeds.json_lines({"sentences": ["Ein Hund."], "id": "5", "img_path": "5.jpg"}),
    ),
    "wit": ("el", "wit/annotations/test_el.jsonl", seeds.json_lines(_CAPTION)),
    "xnli": ("sw", "xnli/dev-sw.tsv", b"a\tb\tentailment\nc\td\tneutral\n"),
    "pawsx": ("de", "pawsx/dev-de.tsv", b"a\tb\t1\nc\td\t0\n"),
    "udpos": ("de", "udpos/dev-de.tsv", b"Amina\tPROPN\nwent\tVERB\n\nshe\tPRON\n"),
    "panx": ("sw", "panx/dev-sw.tsv", b"Amina\tB-PER\nwent\tO\n"),
    "mlqa": ("de", "mlqa/dev-context-de-question-de.json", seeds.SQUAD),
    "xquad": ("de", "xquad/xquad.de.json", seeds.SQUAD),
}
"""Language, path below the data root and content of one file of each task."""


def examples(name: str, path: Path) -> object:
    """The examples of the task if its file has the content of `path`, and there is no other file."""
    language, location, _ = FILES[name]
    root = path.parent / "root"
    for base in (root / "text", root / "multimodal"):
        file = base / location
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.read_bytes())
    task = bind(load_task(name), root=root, cache=path.parent / "cache")
    return {split: tuple(read) for split, read in task.read({}, language).items()}
