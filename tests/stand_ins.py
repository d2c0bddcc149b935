"""A data root for IGLUE's recipe: its real annotation files, and stand-ins for what they lack.

Images are plain coloured squares under the real names, and the sentences of English training files and of xGQA's test
sets are made up: what is learnt from them means nothing. They show that stages run on the real layouts.
"""

import itertools
import json
import os
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from xstilts.data.benchmark_files import bind
from xstilts.data.leakage import images_in
from xstilts.data.load import load
from xstilts.tasks import load_task

LANGUAGES = {"xvnli": ("en", "ar", "es"), "xgqa": ("en", "de"), "marvl": ("en", "zh"), "xflickrco": ("en", "tr")}
LINKED = ("XVNLI", "xGQA", "marvl", "xFlickrCO", "flickr30k", "nlvr2", "gqa")
FOLDERS = {
    "flickr30k": "flickr30k/images/{}.jpg",
    "coco": "coco/images/{}.jpg",
    "gqa": "gqa/images/{}.jpg",
    "nlvr2": "nlvr2/images/{}.png",
    "marvl": "marvl/images/{}",
}
COLOURS = 16
COUNT = 24
"""Made-up rows of a file."""


def make_root(real: Path, root: Path) -> Path:
    """The annotation files of `real` that the languages need, by links below `root`; the rest is made up."""
    base = root / "multimodal"
    for name in LINKED:
        for file in sorted((real / "multimodal" / name).rglob("*.json*")):
            link = base / file.relative_to(real / "multimodal")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    _write_missing(base)
    _write_images(root, base)
    return root


def _write_missing(base: Path) -> None:
    labels = ("entailment", "neutral", "contradiction")
    pairs = [
        {"gold_label": labels[n % 3], "sentence2": f"the light is {n}", "pairID": f"made{n}", "Flikr30kID": f"made{n}"}
        for n in range(COUNT)
    ]
    _lines(base / "XVNLI/annotations/en/train.jsonl", pairs[:16])
    _lines(base / "XVNLI/annotations/en/dev.jsonl", pairs[16:])
    captions = [
        {"sentences": [f"turn on light {n} {word}" for word in "abcde"], "id": f"made{n}", "img_path": f"made{n}.jpg"}
        for n in range(COUNT)
    ]
    _lines(base / "flickr30k/annotations/train_ann.jsonl", captions)
    for split in ("train", "test1"):
        name = split.removesuffix("1")
        statements = [
            {"identifier": f"{split}-{n}-0-0", "sentence": f"light {n} is on", "label": ("True", "False")[n % 2]}
            for n in range(COUNT)
        ]
        _lines(base / f"nlvr2/annotations/{name}.jsonl", statements)
    answers = ("yes", "no", "red")
    questions = [
        {"question_id": f"made{n}", "sent": f"is it {n} ?", "img_id": f"made{n}", "label": {answers[n % 3]: 1.0}}
        for n in range(COUNT)
    ]
    _json(base / "gqa/annotations/train.json", questions)
    for language in LANGUAGES["xgqa"]:
        asked = {
            f"test{n}": {"question": f"{language} {n} ?", "imageId": f"test{n // 2}", "answer": answers[n % 3]}
            for n in range(COUNT)
        }
        _json(base / f"xGQA/annotations/few_shot/{language}/test.json", asked)


def _write_images(root: Path, base: Path) -> None:
    """A square for each image that the annotations name: links to a few files, one for each colour."""
    cache = root / "read"
    palette = [root / f"{n}.jpg" for n in range(COLOURS)]
    for n, path in enumerate(palette):
        Image.new("RGB", (16, 16), (16 * n, 255 - 16 * n, 97 * n % 256)).save(path)
    for reference, colour in zip(sorted(_references(root, cache)), itertools.cycle(palette)):
        collection, _, name = reference.partition(":")
        path = base / FOLDERS[collection].format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(colour, path)


def _references(root: Path, cache: Path) -> set[str]:
    found: set[str] = set()
    english = dict.fromkeys(("snli-ve", "gqa", "nlvr2", "flickr30k"), ("en",))
    for name, languages in (LANGUAGES | english).items():
        task = bind(load_task(name), root=root, cache=cache)
        for language in languages:
            for split in task.splits[language]:
                found |= images_in(load(task, language, split, cache=cache, offline=True))
    return found


def _lines(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
