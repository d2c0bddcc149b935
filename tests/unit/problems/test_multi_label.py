import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.metrics import f1_score

from xstilts.errors import DataError
from xstilts.metrics import metric
from xstilts.problems import PROBLEMS, MultiLabelled
from xstilts.problems.cells import FileRow
from xstilts.problems.features import Feature
from xstilts.problems.scores import score_frame

PROBLEM = PROBLEMS["multi-label"]
LABELS = ("blue", "green", "red")


def read(row: Mapping[str, Any], **columns: str) -> MultiLabelled:
    return PROBLEM.read(FileRow(Path("file.csv"), 7, row, {"text": "text"} | columns), "train-7", "en")


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("red|blue", ("blue", "red")),
        ("red; blue", ("blue", "red")),
        ("red,blue,red", ("blue", "red")),
        ("red", ("red",)),
        ("", ()),
        (None, ()),
        (["red", "blue, dark"], ("blue, dark", "red")),
        ('["red", "blue, dark"]', ("blue, dark", "red")),
        ([], ()),
    ],
)
def test_labels_of_one_cell(cell: Any, labels: tuple[str, ...]) -> None:
    assert read({"text": "a", "topics": cell}, labels="topics").labels == labels


def test_labels_of_one_column_each() -> None:
    row = {"text": "a", "red": "1", "green": "0", "blue": True}
    assert read(row, labels="red, green, blue").labels == ("blue", "red")
    assert read(row | {"red": "false", "blue": 0.0}, labels="red, green, blue").labels == ()
    with pytest.raises(DataError, match=r"file\.csv:7"):
        read(row | {"green": ""}, labels="red, green, blue")


def test_a_row_without_the_column_is_unlabelled() -> None:
    assert read({"text": "a"}).target is None
    assert read({"text": "a", "topics": ""}, labels="topics").target == ()


def features(*targets: list[int] | None) -> list[Feature]:
    return [Feature(example=row, ids=([1],), target=target) for row, target in enumerate(targets)]


def test_targets_are_floats_and_need_a_label() -> None:
    assert PROBLEM.targets(features([1, 0, 0], [0, 0, 0])) == {"labels": [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]}
    with pytest.raises(DataError):
        PROBLEM.targets(features(None))


def test_a_label_is_predicted_from_its_threshold_on() -> None:
    outputs = {"logits": torch.tensor([[0.1, -0.1, 3.0], [-3.0, -3.0, -3.0]])}
    assert PROBLEM.decode(outputs, [], [], LABELS) == [["blue", "red"], []]
    assert PROBLEM.decode(outputs, [], [], LABELS, (0.6, 0.4, 0.9)) == [["green", "red"], []]


def test_thresholds_have_the_highest_f1_of_all() -> None:
    draw = random.Random(3)
    for size in (1, 2, 7, 40):
        logits = torch.tensor([[draw.choice((-1.0, draw.gauss(0, 2))) for _ in LABELS] for _ in range(size)])
        gold = [tuple(label for label in LABELS[:2] if draw.random() < 0.4) for _ in range(size)]
        examples = [
            MultiLabelled(id=str(n), group=str(n), language="en", text="a", labels=labels)
            for n, labels in enumerate(gold)
        ]
        thresholds = PROBLEM.fit_thresholds({"logits": logits}, [], examples, LABELS)
        assert thresholds[2] == 0.5  # no example has this label
        for column, label in enumerate(LABELS[:2]):
            probabilities = logits[:, column].sigmoid()
            right = [label in labels for labels in gold]

            def f1(threshold: float, scores: Any = probabilities, right: list[bool] = right) -> float:
                return f1_score(right, scores >= threshold, zero_division=0.0)

            bounds = [0.0, *probabilities.tolist(), 0.5]
            assert f1(thresholds[column]) == pytest.approx(max(map(f1, bounds)))
            if f1(0.5) == f1(thresholds[column]):
                assert thresholds[column] == 0.5


def test_micro_and_macro_f1_are_those_of_scikit_learn() -> None:
    draw = random.Random(5)
    for _ in range(20):
        size = draw.randint(3, 30)
        gold, predicted = ([[label for label in LABELS if draw.random() < 0.4] for _ in range(size)] for _ in "ab")
        frame = score_frame("multi-label", [(str(n), str(n)) for n in range(size)], gold, predicted)
        truth, guess = ([[label in labels for label in LABELS] for labels in rows] for rows in (gold, predicted))
        occurring = [column for column in range(len(LABELS)) if any(row[column] for row in truth)]
        scores = {
            "micro_f1": f1_score(truth, guess, average="micro", zero_division=0.0),
            "macro_f1": f1_score(truth, guess, average="macro", labels=occurring, zero_division=0.0),
            "accuracy": sum(map(list.__eq__, truth, guess)) / size,
        }
        assert {name: metric(name).score(frame) for name in scores} == pytest.approx(scores)


def test_no_labels_at_all_score_zero() -> None:
    frame = score_frame("multi-label", [("a", "a"), ("b", "b")], [[], []], [[], []])
    assert metric("accuracy").score(frame) == 1.0
    assert metric("micro_f1").score(frame) == metric("macro_f1").score(frame) == 0.0
