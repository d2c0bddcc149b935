"""Every exported file, scored against gold files in XTREME's layout by a reader that shares no code with the export."""

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from seqeval.metrics import f1_score
from tests.facts import facts_for

from xstilts.analysis.results import ArmName
from xstilts.config.recipe import Recipe
from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.experiment import Experiment
from xstilts.export.xtreme import write_submission
from xstilts.metrics import metric
from xstilts.planning.specs import PretrainedStage
from xstilts.planning.stage import Cell
from xstilts.problems import Example
from xstilts.problems.scores import score_frame
from xstilts.store.files import ITEMS_FILE
from xstilts.store.store import Store
from xstilts.tasks import load_task
from xstilts.tasks.suites import XTREME
from xstilts.tasks.task import Task

COUNT = 8
LANGUAGES = {
    "xnli": "sw", "pawsx": "de", "udpos": "yo", "panx": "sw", "xquad": "de", "mlqa": "hi", "tydiqa": "fi",
    "bucc2018": "zh", "tatoeba": "sw",
}  # fmt: skip
LABELS = {"xnli": ["neutral", "entailment", "contradiction"], "pawsx": ["0", "1"]}
TAGS = {"udpos": ["NOUN", "VERB", "X", "ADP"], "panx": ["B-ORG", "I-ORG", "O", "B-LOC"]}
ENGLISH = ["the cat", " Zebras", "a dog", "Birds sing", "a dog", "ärger", "one", "two"]
FILES = {
    "xquad": "xquad/xquad.de.json",
    "mlqa": "mlqa/MLQA_V1/test/test-context-hi-question-hi.json",
    "tydiqa": "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-finnish.json",
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_benchmark(root: Path, gold: Path) -> None:
    """The files that a benchmark publishes below `root`, and gold files as XTREME's evaluation reads them."""
    for task, labels in LABELS.items():
        gold_labels = [labels[number % len(labels)] for number in range(COUNT)]
        rows = [f"text {number}\tpair {number}\t{label}\n" for number, label in enumerate(gold_labels)]
        write(root / task / f"test-{LANGUAGES[task]}.tsv", "".join(rows))
        write(gold / task / f"test-{LANGUAGES[task]}.tsv", "\n".join(gold_labels) + "\n")
    for task, tags in TAGS.items():
        sentences = [[tags[(number + word) % 4] for word in range(1 + number % 4)] for number in range(COUNT)]
        blocks = ["".join(f"w{n}.{i}\t{tag}\n" for i, tag in enumerate(row)) for n, row in enumerate(sentences)]
        write(root / task / f"test-{LANGUAGES[task]}.tsv", "\n".join(blocks))
        write(
            gold / task / f"test-{LANGUAGES[task]}.tsv", "\n".join("".join(f"{t}\n" for t in row) for row in sentences)
        )
    for task, file in FILES.items():
        questions = [
            {"id": f"id-{n}", "question": "?", "answers": [{"text": f"answer{n}", "answer_start": 3}]}
            for n in range(COUNT)
        ]
        paragraphs = [{"context": f"an answer{n} here", "qas": [question]} for n, question in enumerate(questions)]
        text = json.dumps(
            {"version": "1.1", "data": [{"title": f"t{n}", "paragraphs": [p]} for n, p in enumerate(paragraphs)]}
        )
        write(root / file, text)
        write(gold / task / f"test-{LANGUAGES[task]}.json", text)
    write(root / "bucc2018/zh-en.test.zh", "".join(f"zh-{n:09}\t句子 {n}\n" for n in range(COUNT)))
    write(root / "bucc2018/zh-en.test.en", "".join(f"en-{n:09}\tsentence {n}\n" for n in range(2 * COUNT)))
    pairs = "".join(f"zh-{n:09}\ten-{2 * n:09}\n" for n in range(0, COUNT, 2))
    write(root / "bucc2018/zh-en.test.gold", pairs)
    write(gold / "bucc2018/test-zh.tsv", pairs)
    write(root / "tatoeba/tatoeba.swh-eng.swh", "".join(f"sentensi {n}\n" for n in range(COUNT)))
    write(root / "tatoeba/tatoeba.swh-eng.eng", "".join(f"{text}\n" for text in ENGLISH))
    order = sorted(enumerate(text.strip() for text in ENGLISH), key=lambda numbered: numbered[1])
    write(gold / "tatoeba/test-sw.tsv", "".join(f"{number}\n" for number, _ in order))


def predict(task: str, examples: Sequence[Example]) -> list[Any]:
    """Predictions of which about a third are wrong."""
    predicted: list[Any] = []
    for number, example in enumerate(examples):
        wrong, target = number % 3 == 1, example.target
        if task == "tatoeba":
            other = examples[(number + 1) % len(examples)].id
            predicted.append([other if number % 2 else example.id, other if wrong else example.id])
        elif task == "bucc2018":
            predicted.append(("test:en-000000001" if wrong else cast(Any, target)[0]) if target else "")
        elif task in FILES:
            predicted.append("other" if wrong else cast(Any, example).answers[0].text)
        elif task in TAGS:
            predicted.append([TAGS[task][0] if wrong else tag for tag in cast(Any, target)])
        else:
            predicted.append(LABELS[task][0] if wrong else target)
    return predicted


def lines(path: Path) -> list[str]:
    return [line.strip() for line in path.open(encoding="utf-8")]


def tag_sequences(path: Path) -> list[list[str]]:
    sequences: list[list[str]] = [[]]
    for line in lines(path):
        if line:
            sequences[-1].append(line)
        else:
            sequences.append([])
    return sequences if sequences[-1] else sequences[:-1]


def accuracy(predicted: Path, gold: Path) -> float:
    pairs = list(zip(lines(predicted), lines(gold), strict=True))
    return sum(a == b for a, b in pairs) / len(pairs)


def tag_f1(predicted: Path, gold: Path) -> float:
    """Tags without a prefix are types, as in the version of seqeval that XTREME uses."""
    sequences = [
        [[tag if "-" in tag or tag == "O" else f"U-{tag}" for tag in row] for row in tag_sequences(path)]
        for path in (gold, predicted)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(f1_score(*sequences))


def pair_f1(predicted: Path, gold: Path) -> float:
    pairs, gold_pairs = ({tuple(line.split("\t")) for line in lines(path)} for path in (predicted, gold))
    return 2 * len(pairs & gold_pairs) / (len(pairs) + len(gold_pairs))


def answer_accuracy(predicted: Path, gold: Path) -> float:
    answers = json.loads(predicted.read_text(encoding="utf-8"))
    articles = json.loads(gold.read_text(encoding="utf-8"))["data"]
    questions = [q for article in articles for paragraph in article["paragraphs"] for q in paragraph["qas"]]
    return sum(answers[q["id"]] in [a["text"] for a in q["answers"]] for q in questions) / len(questions)


READERS: dict[str, Callable[[Path, Path], float]] = {
    **dict.fromkeys(("xnli", "pawsx", "tatoeba"), accuracy),
    **dict.fromkeys(TAGS, tag_f1),
    **dict.fromkeys(FILES, answer_accuracy),
    "bucc2018": pair_f1,
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, float]]:
    """The exported folder, the gold folder, and the scores of the stored items."""
    folder = tmp_path_factory.mktemp("xtreme")
    root, gold, cache, store = folder / "root", folder / "gold", folder / "cache", Store(folder / "store")
    write_benchmark(root, gold)
    tasks: dict[str, Task] = {name: bind(load_task(name), root=root, cache=cache) for name in LANGUAGES}
    cells, scores = [], {}
    for name, task in tasks.items():
        examples = load(task, LANGUAGES[name], "test", cache=cache, offline=True)
        predicted = predict(name, examples)
        rows = [
            (e, p)
            for e, p in zip(examples, predicted, strict=True)
            if not getattr(e, "english", False) or name == "tatoeba"
        ]
        frame = score_frame(
            task.problem,
            [(example.id, example.group) for example, _ in rows],
            [example.id for example, _ in rows]
            if name == "tatoeba"
            else task.spec.gold([example for example, _ in rows]),
            [prediction for _, prediction in rows],
            normaliser=task.normaliser,
            language=LANGUAGES[name],
        )
        scores[name] = metric(task.metric).score(frame)
        stage = PretrainedStage(encoder=name, pin="made up")
        with store.draft(stage) as draft:
            frame.write_parquet(draft.path / ITEMS_FILE)
            draft.facts = facts_for(stage)
        cells.append(
            Cell(artifact=stage.key, encoder="e5-small", task=name, language=LANGUAGES[name], split="test",
                 intermediate="none", method="zero-shot", shots=0, draw=None, seed=0)
        )  # fmt: skip
    experiment = SimpleNamespace(
        recipe=Recipe.model_validate({"name": "x", "targets": {name: {} for name in tasks}}),
        graph=SimpleNamespace(cells=tuple(cells)),
        store=store,
        loaded=SimpleNamespace(tasks=tasks),
        environment=SimpleNamespace(cache=cache, offline=True),
    )
    write_submission(cast(Experiment, experiment), ArmName(intermediate="none"), 0, folder / "out")
    return folder / "out", gold, scores


@pytest.mark.parametrize("task", XTREME.tasks)
def test_the_exported_file_gets_the_same_score_from_an_independent_reader(
    exported: tuple[Path, Path, dict[str, float]], task: str
) -> None:
    out, gold, scores = exported
    name = f"test-{LANGUAGES[task]}.{'json' if task in FILES else 'tsv'}"
    score = READERS[task](out / task / name, gold / task / name)
    assert 0.3 < score < 1 and score == pytest.approx(scores[task], abs=1e-12)


def test_bucc_pairs_have_the_ids_of_the_published_files(exported: tuple[Path, Path, dict[str, float]]) -> None:
    assert (exported[0] / "bucc2018/test-zh.tsv").read_text() == (
        "zh-000000000\ten-000000001\nzh-000000002\ten-000000004\nzh-000000004\ten-000000008\nzh-000000006\ten-000000001\n"
    )
