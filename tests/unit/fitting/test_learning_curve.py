import math
import time
from typing import Any, cast

import numpy as np
import pytest
import torch

from xstilts.fitting import learning_curve as module
from xstilts.fitting.dataset import EMPTY, Dataset, Part
from xstilts.fitting.encode import Encoded
from xstilts.fitting.heads import HeadArm, prepare
from xstilts.fitting.held_out import optimism_of
from xstilts.fitting.languages import Language
from xstilts.fitting.learning_curve import LearningCurve, learning_curve
from xstilts.fitting.search import Candidate, Search, Space, folds_of
from xstilts.fitting.states import Cut
from xstilts.fitting.validate import held_out_logits
from xstilts.methods.leave_one_out import Rows
from xstilts.problems.classification import Labelled
from xstilts.problems.multi_label import MultiLabelled

LDA = HeadArm(name="lda", description="", kind="lda")
LABELS = ("a", "b", "c")


def curve(
    count: int, *, noise: float = 1.0, deadline: float = math.inf, kind: str = "lda"
) -> tuple[LearningCurve, Search]:
    """The curve of a discriminant that is fitted to `count` rows of three clusters, without English rows."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(count) % 3
    vectors = torch.randn(3, 12, generator=generator)[classes] + noise * torch.randn(count, 12, generator=generator)
    multi_label = kind == "labels"
    problem = "multi-label" if multi_label else "classification"
    labels = torch.nn.functional.one_hot(classes, 3) if multi_label else classes
    rows = Rows(vectors, labels, [str(row) for row in range(count)])
    encoded = Encoded(english=None, english_used=(), shots=rows, test=None, unlabelled=None, cut=Cut())
    space = Space(name="", description="", states=cast(Any, None), encoded=encoded, seconds=0.0)
    arm = HeadArm(name=kind, description="", kind=cast(Any, kind))
    folds = folds_of(problem, encoded)
    search = Search(problem=problem, classes=3, folds=folds, deadline=deadline)
    prepared = prepare(arm, None, rows, 3)
    logits = None if folds is None else held_out_logits(arm, prepared, None, rows, folds, 3).numpy()
    chosen = Candidate(
        space=space,
        arm=arm,
        prepared=prepared,
        logits=logits,
        english_logits=np.zeros((0, 3)),
        english_rows=[],
        seconds=0.0,
    )
    search.candidates.append(chosen)
    names = [LABELS[number] for number in classes]
    examples = tuple(
        MultiLabelled(id=str(n), group=str(n), language="sw", text=str(n), labels=(name,))
        if multi_label
        else Labelled(id=str(n), group=str(n), language="sw", text=str(n), label=name)
        for n, name in enumerate(names)
    )
    dataset = Dataset(
        problem=problem,
        columns={},
        language=Language(code="sw", name="Swahili", script="Latn"),
        english=EMPTY,
        shots=Part(examples=examples, places=tuple(map(str, range(count)))),
        test=EMPTY,
        unlabelled=(),
        labels=LABELS,
        left_out=(),
        warnings=(),
        guessed=(),
    )
    return learning_curve(dataset, search, chosen, None, optimism_of(dataset, search)), search


@pytest.mark.parametrize("kind", ["lda", "labels"])
def test_a_quarter_and_half_are_measured_and_twice_and_four_times_forecast(kind: str):
    found, search = curve(60, noise=2.0, kind=kind)
    assert [(point.rows, point.measured) for point in found.points] == [
        (15, True), (30, True), (60, True), (120, False), (240, False),
    ]  # fmt: skip
    assert all(0 <= point.low <= point.score <= point.high <= 1 for point in found.points)
    assert found.points[0].score < found.points[2].score < found.points[3].score < found.points[4].score
    assert search.skipped == []


def test_few_rows_are_only_halved_and_fewer_have_no_curve():
    assert [point.rows for point in curve(12)[0].points] == [6, 12, 24, 48]
    assert curve(6)[0] == LearningCurve()
    assert curve(3)[0] == LearningCurve()


def test_without_time_it_is_skipped_and_told():
    found, search = curve(60, deadline=time.monotonic() - 1)
    assert found == LearningCurve()
    assert search.skipped == ["the learning curve"]


def test_a_measured_exponent_counts_more_if_it_is_precise():
    precise, spread = module._shrunk(0.3, 0.001)
    vague, wide = module._shrunk(0.3, 1.0)
    assert precise == pytest.approx(0.3, abs=0.01)
    assert vague == pytest.approx(module.EXPONENT, abs=0.01)
    assert spread < wide <= module.SPREAD


def test_the_exponent_of_a_power_law_is_recovered(monkeypatch: pytest.MonkeyPatch):
    measured = [
        module.Measured(rows=rows, predicted=np.zeros((1, 4), int), held_out=np.ones((1, 4), bool))
        for rows in (10, 20, 40)
    ]
    monkeypatch.setattr(module, "_score", lambda one, *_: 1 - 0.8 * one.rows**-0.25)
    search = Search(problem="classification", classes=2, folds=None, deadline=math.inf)
    slope, error = module._slope(measured, np.zeros(4, int), list("abcd"), search, None)
    assert slope == pytest.approx(0.25)
    assert error == pytest.approx(0, abs=1e-9)


def test_rows_to_gain_follow_the_power_law():
    more = module._rows_to_gain(0.8, 90, 100, 0.5, 0.01)
    assert more == round(90 * (0.2 / 0.18) ** 2 - 100)
    assert module._rows_to_gain(0.8, 90, 100, 0.05, 0.05) is None
    assert module._rows_to_gain(0.8, 90, 100, 0.02, 0.001) is None
    assert module._rows_to_gain(0.99, 90, 100, 0.5, 0.01) is None
