"""Scores on random matrices and predictions equal those of IGLUE's code; measure_iglue.py says how it was run."""

import numpy as np
import pytest
from tests.golden import official_inputs as inputs

from xstilts.metrics import metric
from xstilts.metrics.ranks import ranks
from xstilts.problems.scores import score_frame

RECALLS = [
    (40.0, 50.0, 66.66666666666667, 57.5, 65.0, 72.5),
    (36.666666666666664, 41.666666666666664, 55.0, 40.0, 42.5, 45.0),
    (43.333333333333336, 60.0, 70.0, 45.0, 65.0, 72.5),
]
"""R@1, R@5 and R@10 of images found by captions, then of captions found by images, by seed."""
CLASSES = {
    3: (54.44444444444444, 47.77777777777778, 68.88888888888889),
    2: (81.11111111111111, 62.22222222222222, 76.66666666666667),
}
ANSWERS = (48.888888888888886, 53.333333333333336, 57.77777777777777)


@pytest.mark.parametrize("seed", range(3))
def test_retrieval(seed: int) -> None:
    scores, own = inputs.scored_pairs(seed)
    items = [(str(caption), str(image)) for caption, image in enumerate(own)]
    frame = score_frame("image-retrieval", items, [str(image) for image in own], ranks(np.array(scores), own))
    found = [100 * metric(f"{side}_recall_at_{k}").score(frame) for side in ("image", "text") for k in (1, 5, 10)]
    assert found == pytest.approx(RECALLS[seed], abs=1e-9)
    assert 100 * metric("recall_at_1").score(frame) == pytest.approx((RECALLS[seed][0] + RECALLS[seed][3]) / 2)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("seed", range(3))
def test_entailment_and_statements(seed: int, classes: int) -> None:
    """Rows without label stand in the denominator alone, as `iglue_compat` has it."""
    logits, gold = inputs.logits(seed, classes)
    kept = [(row, right) for row, right in zip(logits, gold, strict=True) if right is not None]
    frame = score_frame(
        "image-text",
        [(str(number), "group") for number in range(len(kept))],
        [str(right) for _, right in kept],
        [str(int(np.argmax(row))) for row, _ in kept],
        rows=len(gold) / len(kept),
    )
    assert 100 * metric("iglue_compat").score(frame) == pytest.approx(CLASSES[classes][seed], abs=1e-5)
    assert metric("accuracy").score(frame) > metric("iglue_compat").score(frame)


@pytest.mark.parametrize("seed", range(3))
def test_answers(seed: int) -> None:
    """An answer that is no class is wrong."""
    logits, gold = inputs.logits(seed, len(inputs.ANSWERS))
    answers = ["none of them" if right is None else inputs.ANSWERS[right] for right in gold]
    found = [inputs.ANSWERS[int(np.argmax(row))] for row in logits]
    frame = score_frame("image-text", [(str(n), "group") for n in range(len(gold))], answers, found)
    assert 100 * metric("accuracy").score(frame) == pytest.approx(ANSWERS[seed], abs=1e-9)
