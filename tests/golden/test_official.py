"""Our scores beside those of the XTREME evaluation on random predictions; measure_official.py gave the numbers."""

from collections.abc import Sequence

import pytest
import torch
from tests.golden import official_inputs as inputs

from xstilts.metrics import metric
from xstilts.problems import ProblemName, Sentence
from xstilts.problems.scores import score_frame
from xstilts.stages.mine import MinedPairs, pair_sentences


def percent(name: str, problem: ProblemName, gold: list, predicted: list, **how: str) -> float:
    items = [(str(i), str(i)) for i in range(len(gold))]
    return 100 * metric(name).score(score_frame(problem, items, gold, predicted, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (inputs.UPOS, [71.92513368983957, 66.86217008797655, 68.95705521472392]),
        (inputs.BIO, [69.1304347826087, 69.39759036144578, 69.70297029702971]),
    ],
    ids=["upos", "bio"],
)
@pytest.mark.parametrize("seed", range(3))
def test_tagging(seed: int, tags: Sequence[str], expected: list[float]) -> None:
    assert percent("span_f1", "tagging", *inputs.tagged(seed, tags)) == pytest.approx(expected[seed], abs=1e-9)


@pytest.mark.parametrize(
    ("seed", "expected"), list(enumerate([63.33333333333333, 72.22222222222221, 64.44444444444444]))
)
def test_classification(seed: int, expected: float) -> None:
    assert percent("accuracy", "classification", *inputs.labelled(seed, 3)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("seed", "expected"), [(0, 51.11111111111111), (1, 48.888888888888886), (2, 52.22222222222223)]
)
def test_tatoeba_asks_in_english(seed: int, expected: float) -> None:
    """The index holds the foreign sentences, each English one is a query: the second of the two ids found."""
    gold, found = inputs.labelled(seed, 90)
    rows = {"gold": gold, "predicted": [["", name] for name in found]}
    assert percent("from_english", "retrieval", **rows) == pytest.approx(expected, abs=1e-9)


BUCC = [
    (34.48275862068966, 31.914893617021278, 37.5),
    (36.55913978494624, 35.41666666666667, 37.77777777777778),
    (30.58823529411765, 27.659574468085108, 34.21052631578947),
]


@pytest.mark.parametrize(("seed", "expected"), list(enumerate(BUCC)))
def test_bucc(seed: int, expected: tuple[float, ...]) -> None:
    gold, found = inputs.paired(seed)
    names = sorted(gold.keys() | found.keys())
    partners = [[gold[name]] if name in gold else [] for name in names]
    scores = [
        percent(name, "mining", partners, [found.get(name, "") for name in names])
        for name in ("pair_f1", "pair_precision", "pair_recall")
    ]
    assert scores == pytest.approx(expected, abs=1e-9)


MINED = [
    (1.1126766204833984, 45.614035087719294, 32.78688524590164, 43.47826086956522, 26.31578947368421),
    (1.056354820728302, 43.18181818181818, 42.10526315789474, 44.44444444444444, 40.0),
    (1.0721420049667358, 40.50632911392405, 28.985507246376805, 30.303030303030305, 27.77777777777778),
]


@pytest.mark.parametrize(("seed", "expected"), list(enumerate(MINED)))
def test_mining(seed: int, expected: tuple[float, ...]) -> None:
    """Candidates, threshold and scores of two collections, and of two others with the threshold of the first."""
    dev, scored = mined(seed), mined(seed + 100)
    threshold = dev.threshold()
    frame = scored.frame(threshold)
    assert threshold == pytest.approx(expected[0], abs=1e-6)
    scores = [
        100 * metric("pair_f1").score(dev.frame(threshold)),
        *(100 * metric(name).score(frame) for name in ("pair_f1", "pair_precision", "pair_recall")),
    ]
    assert scores == pytest.approx(expected[1:], abs=1e-9)


def mined(seed: int) -> MinedPairs:
    *sides, gold = inputs.collections(seed)
    vectors = {name: vector for side in sides for name, (_, vector) in side.items()}
    foreign, english = (
        [
            Sentence(
                id=name,
                group=name,
                language="xx",
                text=text,
                english=english,
                partners=(gold[name],) if name in gold else (),
            )
            for name, (text, _) in side.items()
        ]
        for side, english in zip(sides, (False, True), strict=True)
    )
    return pair_sentences(foreign, english, lambda side: torch.tensor([vectors[sentence.id] for sentence in side]))


ANSWERS = {
    ("squad", "ar"): (30.0, 38.35119047619047),
    ("mlqa", "ar"): (30.0, 47.74305555555554),
    ("squad", "de"): (28.75, 37.601190476190474),
    ("mlqa", "de"): (31.25, 29.375),
    ("squad", "en"): (35.0, 37.125),
    ("mlqa", "en"): (35.0, 36.5),
    ("squad", "es"): (30.0, 38.09523809523809),
    ("mlqa", "es"): (38.75, 30.083333333333332),
    ("squad", "hi"): (31.25, 38.797619047619044),
    ("mlqa", "hi"): (33.75, 42.89285714285714),
    ("squad", "vi"): (30.0, 38.72023809523809),
    ("mlqa", "vi"): (38.75, 29.541666666666668),
    ("squad", "zh"): (31.25, 41.488095238095234),
    ("mlqa", "zh"): (33.75, 43.65685703185703),
}


@pytest.mark.parametrize(("normaliser", "language"), ANSWERS)
def test_answers(normaliser: str, language: str) -> None:
    gold, found = inputs.answered(0, language)
    scores = [
        percent(name, "span", gold, found, normaliser=normaliser, language=language)
        for name in ("exact_match", "f1", "em_f1")
    ]
    exact_match, f1 = ANSWERS[normaliser, language]
    assert scores == pytest.approx((exact_match, f1, (exact_match + f1) / 2), abs=1e-9)
