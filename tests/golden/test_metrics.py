"""Our scores beside seqeval, scikit-learn and the official XTREME evaluation."""

import csv
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean

import numpy as np
import polars as pl
import pytest
import seqeval.metrics
import sklearn.metrics

from xstilts.metrics import metric
from xstilts.problems import ProblemName
from xstilts.problems.scores import score_frame

TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER", "I-ORG"]


def scored(problem: ProblemName, gold: list, predicted: list, **how: str) -> pl.DataFrame:
    items = [(str(i), str(i)) for i in range(len(gold))]
    return score_frame(problem, items, gold, predicted, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("tags", [TAGS, ["O", "B", "I"]], ids=["typed", "bare"])
@pytest.mark.parametrize("seed", range(10))
def test_tagging_agrees_with_seqeval(seed: int, tags: list[str]) -> None:
    rng = np.random.default_rng(seed)
    gold = [rng.choice(tags, size).tolist() for size in rng.integers(1, 12, 40)]
    predicted = [[tag if rng.random() < 0.7 else str(rng.choice(tags)) for tag in line] for line in gold]
    frame = scored("tagging", gold, predicted)
    expected = seqeval.metrics.f1_score(gold, predicted)
    assert metric("span_f1").score(frame) == pytest.approx(expected, abs=1e-12)
    accuracy = seqeval.metrics.accuracy_score(gold, predicted)
    assert metric("token_accuracy").score(frame) == pytest.approx(accuracy, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 5, 33])
@pytest.mark.parametrize("seed", range(5))
def test_classification_agrees_with_scikit_learn(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    gold = [f"intent {i}" for i in rng.integers(0, classes, 60)]
    predicted = [label if rng.random() < 0.6 else f"intent {rng.integers(0, classes)}" for label in gold]
    frame = scored("classification", gold, predicted)
    present = sorted(set(gold))
    expected = sklearn.metrics.f1_score(gold, predicted, labels=present, average="macro")
    assert metric("macro_f1").score(frame) == pytest.approx(expected, abs=1e-12)
    accuracy = sklearn.metrics.accuracy_score(gold, predicted)
    assert metric("accuracy").score(frame) == pytest.approx(accuracy, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_f1_agrees_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gold, predicted = (rng.choice(["0", "1"], 80, p=[0.6, 0.4]).tolist() for _ in range(2))
    expected = (
        sklearn.metrics.accuracy_score(gold, predicted) + sklearn.metrics.f1_score(gold, predicted, pos_label="1")
    ) / 2
    assert metric("accuracy_f1").score(scored("classification", gold, predicted)) == pytest.approx(expected, abs=1e-12)


ROOT = os.environ.get("XSTILTS_DATA_ROOT")
MOCK = Path(ROOT or ".") / "text" / "xtreme_mock"

# evaluate.py of google-research/xtreme at 838c13b on its mock_test_data: percent, mean over languages
XTREME = [
    ("pawsx", "accuracy", 51.42857142857143),
    ("xnli", "accuracy", 30.666666666666668),
    ("panx", "span_f1", 57.50793650793652),
    ("udpos", "span_f1", 70.21746048354693),
    ("tatoeba", "from_english", 53.611111111111114),
    ("bucc2018", "pair_f1", 55.0),
    ("bucc2018", "pair_precision", 55.0),
    ("bucc2018", "pair_recall", 55.0),
    ("xquad", "exact_match", 77.27272727272727),
    ("xquad", "f1", 79.9586776859504),
    ("mlqa", "exact_match", 57.142857142857146),
    ("mlqa", "f1", 81.76870748299321),
    ("mlqa", "em_f1", (57.142857142857146 + 81.76870748299321) / 2),
    ("tydiqa", "exact_match", 88.88888888888889),
    ("tydiqa", "f1", 97.22222222222223),
]


@pytest.mark.data_root
@pytest.mark.skipif(not MOCK.is_dir(), reason="needs XSTILTS_DATA_ROOT with text/xtreme_mock")
@pytest.mark.parametrize(("task", "name", "expected"), XTREME)
def test_scores_agree_with_the_official_xtreme_evaluation(task: str, name: str, expected: float) -> None:
    files = sorted((MOCK / "labels" / task).iterdir())
    read = READERS[task]
    scores = [metric(name).score(read(file, MOCK / "predictions" / task / file.name)) for file in files]
    assert 100 * mean(scores) == pytest.approx(expected, abs=1e-9)


def labels(gold: Path, predicted: Path) -> pl.DataFrame:
    return scored("classification", gold.read_text().split(), predicted.read_text().split())


def neighbours(gold: Path, predicted: Path) -> pl.DataFrame:
    return scored("retrieval", gold.read_text().split(), [[i, i] for i in predicted.read_text().split()])


def tagged(gold: Path, predicted: Path) -> pl.DataFrame:
    return scored("tagging", sentences(gold), sentences(predicted))


def sentences(file: Path) -> list[list[str]]:
    rows = csv.reader(file.open(encoding="utf-8"), delimiter="\t")
    lines = [row[0] if row else "" for row in rows]
    return [block.split("\n") for block in "\n".join(lines).strip().split("\n\n")]


def mined(gold: Path, predicted: Path) -> pl.DataFrame:
    right, found = (dict(line.split("\t") for line in file.read_text().splitlines()) for file in (gold, predicted))
    names = sorted(right.keys() | found.keys())
    partners = [[right[name]] if name in right else [] for name in names]
    return scored("mining", partners, [found.get(name, "") for name in names])


def spans(gold: Path, predicted: Path, normaliser: str = "squad") -> pl.DataFrame:
    articles = json.loads(gold.read_text(encoding="utf-8"))["data"]
    questions = [qa for article in articles for part in article["paragraphs"] for qa in part["qas"]]
    answers = [[answer["text"] for answer in qa["answers"]] for qa in questions]
    found = json.loads(predicted.read_text(encoding="utf-8"))
    language = gold.stem.removeprefix("test-")
    guesses = [found[qa["id"]] for qa in questions]
    return scored("span", answers, guesses, normaliser=normaliser, language=language)


READERS: dict[str, Callable[[Path, Path], pl.DataFrame]] = {
    "pawsx": labels,
    "xnli": labels,
    "panx": tagged,
    "udpos": tagged,
    "tatoeba": neighbours,
    "bucc2018": mined,
    "mlqa": partial(spans, normaliser="mlqa"),
    "xquad": spans,
    "tydiqa": spans,
}
