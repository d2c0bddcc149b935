"""How long the examples of each task are, in sub-words of the tokenizer that e5-small and XLM-R share.

`python tests/golden/measure_lengths.py DATA_ROOT` writes src/xstilts/engine/lengths.json anew from real files below
DATA_ROOT, laid out as the benchmarks publish them, and from the shipped tasks. What no file is at hand for is assumed,
and says so.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import xstilts.planning
from xstilts.cache.wheels import cache_dir
from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.encoders.fetch import prepare
from xstilts.formats.benchmarks import headerless_tsv, tagged_sentences
from xstilts.formats.squad import squad_questions
from xstilts.formats.tables import rows
from xstilts.models.heads import load_tokenizer
from xstilts.problems import Caption, Choice, Example, ImageText, Labelled, Parallel, Span, Tagged
from xstilts.tasks import load_task, task_names
from xstilts.tasks.task import Task

POINTS = 20
"""Lengths that are kept of a file: the middles of as many equal parts of its rows in order of length."""
MOST = 2000
Texts = tuple[str, ...]


def pairs(root: Path) -> Iterator[Texts]:
    yield from ((row["text"], row["pair"]) for _, row in headerless_tsv("text", "pair", "label")(root))


def spans(path: Path) -> Iterator[Texts]:
    yield from ((row["question"], row["context"]) for _, row in squad_questions(path))


def sentences(path: Path) -> Iterator[Texts]:
    yield from ((" ".join(row["words"]),) for _, row in tagged_sentences(path))


def anli(folder: Path) -> Iterator[Texts]:
    for path in sorted(folder.glob("R?/dev.jsonl")):
        yield from ((row["context"], row["hypothesis"]) for _, row in rows(path))


def hellaswag(path: Path) -> Iterator[Texts]:
    yield from ((row["ctx"], ending) for _, row in rows(path) for ending in row["endings"])


def cosmosqa(path: Path) -> Iterator[Texts]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield from ((f"{row['context']} {row['question']}", row[f"answer{number}"]) for number in range(4))


def commonsenseqa(path: Path) -> Iterator[Texts]:
    for _, row in rows(path):
        choices = row["question"]["choices"] if isinstance(row["question"], dict) else row["choices"]
        stem = row["question"]["stem"] if isinstance(row["question"], dict) else row["question"]
        texts = [choice["text"] for choice in choices] if isinstance(choices, list) else choices["text"]
        yield from ((stem, text) for text in texts)


def lines(folder: Path) -> Iterator[Texts]:
    for path in (folder / "tatoeba.deu-eng.deu", folder / "tatoeba.deu-eng.eng"):
        yield from ((line,) for line in path.read_text(encoding="utf-8").splitlines())


FILES: dict[str, tuple[str, Callable[[Path], Iterable[Texts]], dict[str, int]]] = {
    "xnli": ("xnli/dev-en.tsv", pairs, {"classes": 3}),
    "pawsx": ("pawsx/dev-en.tsv", pairs, {"classes": 2}),
    "udpos": ("udpos_xtreme/train-en.tsv", sentences, {}),
    "xquad": ("xquad/xquad.en.json", spans, {}),
    "mlqa": ("mlqa/dev-context-en-question-en.json", spans, {}),
    "tydiqa": ("tydiqa/tydiqa.goldp.en.train.json", spans, {}),
    "tatoeba": ("tatoeba", lines, {"sequences": 2}),
    "anli": ("anli", anli, {"classes": 3}),
    "hellaswag": ("hellaswag/hellaswag_val_1000.jsonl", hellaswag, {"sequences": 4}),
    "cosmosqa": ("cosmosqa/valid.csv", cosmosqa, {"sequences": 4}),
    "commonsenseqa": ("commonsenseqa/dev_rand_split.hf.jsonl", commonsenseqa, {"sequences": 5}),
}
PICTURES = {
    "xvnli": ("en", "test", 3),
    "marvl": ("id", "test", 2),
    "nlvr2": ("en", "dev", 2),
    "xgqa": ("en", "dev", 1842),
    "gqa": ("en", "testdev-1944", 1842),
    "xflickrco": ("en", "test", 0),
    "flickr30k": ("en", "dev", 0),
    "wit": ("en", "test", 0),
}
"""Language, split and number of classes of tasks with images, which are read as they are bound."""
LABELS = {"tatoeba": "tatoeba/tatoeba.deu-eng.*", "anli": "anli/R?/dev.jsonl"}
LIKE = {
    "mnli": ("xnli", "as XNLI's English development set, which was collected in the same way"),
    "qqp": ("xnli", "as XNLI's English pairs; no QQP file was at hand"),
    "squad": ("xquad", "as XQuAD's English, a part of SQuAD's development set"),
    "squad2": ("xquad", "as XQuAD's English, a part of SQuAD's development set, without unanswerable questions"),
    "snli-ve": ("xvnli", "as XVNLI's English test set, whose sentences are SNLI's"),
    "ccg": ("udpos", "as UD-POS's English sentences; CCGbank was not at hand"),
}
FIXED: dict[str, tuple[list[int], str, dict[str, int]]] = {
    "panx": ([14], "14 sub-words of about 8 words; no PAN-X file was at hand", {}),
    "bucc2018": ([28], "28 sub-words of about 95 characters; no BUCC file was at hand", {"sequences": 2}),
}


def texts_of(example: Example) -> list[Texts]:
    match example:
        case Labelled():
            return [(example.text, example.pair) if example.pair is not None else (example.text,)]
        case Choice():
            return [(example.prompt, choice) for choice in example.choices]
        case Span():
            return [(example.question, example.context)]
        case Tagged():
            return [(" ".join(example.words),)]
        case Parallel():
            return [(example.text,), (example.english,)]
        case ImageText() | Caption():
            return [(example.text,)]
        case _:
            raise TypeError(type(example).__name__)


def measured(texts: Sequence[Texts], tokenizer: Any, sequences: int, *, split: bool) -> dict[str, Any]:
    """Mean and sample of lengths; with `split`, each as [what every window repeats, what windows divide]."""
    counted = [[len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in given] for given in texts]
    given = [(sum(counts), counts[0]) for counts in counted]
    special = {width: tokenizer.num_special_tokens_to_add(pair=width > 1) for width in {len(c) for c in counted}}
    lengths = sorted((total + special[len(c)], first) for (total, first), c in zip(given, counted, strict=True))
    kept = [lengths[int(len(lengths) * (point + 0.5) / POINTS)] for point in range(POINTS)]
    sample = (
        [[first + special[2], total - first - special[2]] for total, first in kept] if split else [n for n, _ in kept]
    )
    return {
        "rows": len(lengths) // sequences,
        "mean": round(sum(n for n, _ in lengths) / len(lengths), 1),
        "sample": sample,
    }


def shipped(name: str, tokenizer: Any) -> dict[str, Any]:
    task = load_task(name)
    language = "en" if "en" in task.languages else task.languages[0]
    split = next(iter(task.sizes[language]))
    return of_task(task, language, split, tokenizer)


def of_task(task: Task, language: str, split: str, tokenizer: Any) -> dict[str, Any]:
    examples = load(task, language, split, cache=cache_dir(), offline=False)[:MOST]
    groups = [texts_of(example) for example in examples]
    sequences = round(sum(map(len, groups)) / len(groups))
    flat = [given for group in groups for given in group]
    labels = {example.label for example in examples if isinstance(example, Labelled | ImageText)}
    extra = {"classes": len(labels)} if labels else {}
    extra |= {"sequences": sequences} if sequences > 1 else {}
    images = round(sum(len(example.shown_images) for example in examples) / len(examples))
    extra |= {"images": images} if images > 1 else {}
    found = measured(flat, tokenizer, sequences, split=task.problem == "span")
    return {"file": f"{task.name}, {language}, {split}", **found, "rows": len(examples), **extra}


def main(root: str) -> None:
    tokenizer = load_tokenizer(prepare("e5-small", cache=cache_dir(), offline=False))
    tokenizer.model_max_length = 1 << 20
    found: dict[str, dict[str, Any]] = {}
    for name, (file, read, extra) in FILES.items():
        texts = list(read(Path(root) / file))
        split = read is spans
        found[name] = {
            "file": LABELS.get(name, file),
            **measured(texts, tokenizer, extra.get("sequences", 1), split=split),
            **extra,
        }
    for name, (language, split, classes) in PICTURES.items():
        task = bind(load_task(name), root=Path(root), cache=cache_dir(), offline=True)
        found[name] = of_task(task, language, split, tokenizer) | ({"classes": classes} if classes else {})
    for name, (other, why) in LIKE.items():
        extra = {key: value for key, value in found[other].items() if key in ("mean", "sample", "sequences")}
        found[name] = {"assumed": why, **extra} | ({"classes": 3} if name in ("mnli", "snli-ve") else {})
    found["qqp"]["classes"] = 2
    for name, (sample, why, extra) in FIXED.items():
        found[name] = {"assumed": why, "mean": float(sample[0]), "sample": sample, **extra}
    found |= {name: shipped(name, tokenizer) for name in task_names() if load_task(name).benchmark is None}
    text = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(found.items()))
    path = Path(xstilts.planning.__file__).with_name("lengths.json")
    path.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
