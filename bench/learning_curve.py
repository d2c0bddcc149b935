"""How often the 95% interval of a forecast holds the later measured score.

    python bench/learning_curve.py [--development] [--seeds N]

An episode draws n rows of a language (two per class, the others at random), forecasts the score with 2n and 4n rows,
then draws the further rows, fits the same arm to all of them and scores it on all rows that are left. Prints the
coverage, mean error and mean width of the forecasts, and the true exponents of the error, from which the prior of
`xstilts.fitting.learning_curve` was taken on the development languages.
"""

import argparse
import math
import time
from collections import defaultdict
from typing import Any, NamedTuple, cast

import numpy as np
import torch

import harness
from label_data import Language, languages
from xstilts.fitting.dataset import EMPTY, Dataset, Part
from xstilts.fitting.encode import Encoded
from xstilts.fitting.estimate import confusion_matrix, macro_f1
from xstilts.fitting.fit import one_thread
from xstilts.fitting.heads import fit_head, head_arms, prepare
from xstilts.fitting.held_out import optimism_of
from xstilts.fitting.languages import Language as Named
from xstilts.fitting.learning_curve import learning_curve
from xstilts.fitting.search import Candidate, Search, Space, folds_of
from xstilts.fitting.states import Cut
from xstilts.fitting.validate import held_out_logits
from xstilts.methods.leave_one_out import Rows
from xstilts.problems.classification import Labelled

ROWS = (24, 48, 96)
TIMES = (2, 4)
FEWEST_SCORED = 150
PER_CLASS = 2
ARM = head_arms("classification", english=True, shots=True, unlabelled=False)[0]


class Outcome(NamedTuple):
    """A forecast and the score that was measured later."""

    task: str
    language: str
    rows: int
    times: int
    now: float
    forecast: float
    low: float
    high: float
    measured: float

    @property
    def is_covered(self) -> bool:
        return self.low <= self.measured <= self.high

    @property
    def exponent(self) -> float:
        """Of the true error, from the score with n rows on the same held-out rows."""
        return -math.log(max(1 - self.measured, 1e-3) / max(1 - self.now, 1e-3)) / math.log(self.times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    settings = parser.parse_args()
    outcomes: list[Outcome] = []
    seconds: list[float] = []
    with one_thread():
        for language in languages(development=settings.development):
            for seed in range(settings.seeds):
                for count in ROWS:
                    outcomes += episode(language, count, seed, seconds)
            print(_line(f"{language.data.name} {language.code}", outcomes, language.code), flush=True)
    table = defaultdict(list)
    for one in outcomes:
        table[f"{one.times}x"].append(one)
        table[f"{one.rows} rows"].append(one)
        table["all"].append(one)
    for name, found in sorted(table.items()):
        print(_line(name, found))
    covered = float(np.mean([one.is_covered for one in outcomes]))
    runs = [one._asdict() for one in outcomes]
    harness.print_result("learning_curve", "95%", covered / 0.95, runs, coverage=covered, seconds=np.mean(seconds))


def _line(name: str, outcomes: list[Outcome], code: str | None = None) -> str:
    found = [one for one in outcomes if code in (None, one.language)]
    if not found:
        return f"{name:24} no episodes"
    exponents = [one.exponent for one in found]
    errors = [one.forecast - one.measured for one in found]
    return (
        f"{name:24} {len(found):4} forecasts  covered {np.mean([one.is_covered for one in found]):.1%}  "
        f"below {np.mean([one.measured < one.low for one in found]):.1%}  "
        f"bias {100 * np.mean(errors):+.1f}  error {100 * np.mean(np.abs(errors)):.1f}  "
        f"width {100 * np.mean([one.high - one.low for one in found]):.1f}  "
        f"exponent {np.mean(exponents):.3f} (sd {np.std(exponents):.3f})"
    )


def episode(language: Language, count: int, seed: int, seconds: list[float]) -> list[Outcome]:
    """The forecasts from `count` rows, as far as there are rows to check them."""
    rows = _joined(language)
    order = _order(rows, len(language.labels), seed)
    times = [number for number in TIMES if len(order) - count * number >= FEWEST_SCORED]
    if not times:
        return []
    most = count * max(times)
    used = {rows.groups[row] for row in order[:most]}
    scored = rows.subset([row for row in order[most:] if rows.groups[row] not in used])
    if len(scored.labels) < FEWEST_SCORED:
        return []
    dataset, search, chosen = _fitted(language, rows.subset(order[:count]))
    if chosen.logits is None:
        return []
    started = time.monotonic()
    curve = learning_curve(dataset, search, chosen, None, optimism_of(dataset, search))
    seconds.append(time.monotonic() - started)
    by_rows = {point.rows: point for point in curve.points if not point.measured}
    scores = {number: _score(language, chosen, rows.subset(order[: number * count]), scored) for number in (1, *times)}
    return [
        Outcome(
            language.data.name, language.code, count, number, scores[1],
            point.score, point.low, point.high, scores[number],
        )
        for number in times
        if (point := by_rows.get(number * count))
    ]  # fmt: skip


def _joined(language: Language) -> Rows:
    parts = (language.pool, language.test)
    return Rows(
        torch.cat([part.vectors for part in parts]),
        torch.cat([part.labels for part in parts]),
        [group for part in parts for group in part.groups],
    )


def _order(rows: Rows, classes: int, seed: int) -> list[int]:
    """All row numbers in random order, but with two of each class first."""
    order = np.random.default_rng(seed).permutation(len(rows.labels)).tolist()
    seen = [0] * classes
    first = []
    for row in order:
        label = int(rows.labels[row])
        if seen[label] < PER_CLASS:
            seen[label] += 1
            first.append(row)
    return [*first, *(row for row in order if row not in set(first))]


def _fitted(language: Language, shots: Rows) -> tuple[Dataset, Search, Candidate]:
    """What `fit` has after its first arm."""
    classes = len(language.labels)
    encoded = Encoded(
        english=language.english,
        english_used=range(len(language.english.labels)),
        shots=shots,
        test=None,
        unlabelled=None,
        cut=Cut(),
    )
    space = Space(name="", description="", states=cast(Any, None), encoded=encoded, seconds=0.0)
    folds = folds_of("classification", encoded)
    search = Search(problem="classification", classes=classes, folds=folds, deadline=math.inf)
    prepared = _prepared(language)
    logits = None
    if folds is not None:
        logits = held_out_logits(ARM, prepared, language.english, shots, folds, classes).numpy()
    chosen = Candidate(
        space=space,
        arm=ARM,
        prepared=prepared,
        logits=logits,
        english_logits=np.zeros((0, classes)),
        english_rows=[],
        seconds=0.0,
    )
    search.candidates.append(chosen)
    examples = tuple(
        Labelled(id=str(row), group=group, language=language.code, text=str(row), label=language.labels[label])
        for row, (group, label) in enumerate(zip(shots.groups, shots.labels.tolist(), strict=True))
    )
    part = Part(examples=examples, places=tuple(example.id for example in examples))
    dataset = Dataset(
        problem="classification",
        columns={"text": "text", "label": "label"},
        language=Named(code=language.code, name=language.code, script=""),
        english=EMPTY,
        shots=part,
        test=EMPTY,
        unlabelled=(),
        labels=language.labels,
        left_out=(),
        warnings=(),
        guessed=(),
    )
    return dataset, search, chosen


_PREPARED: dict[str, Any] = {}


def _prepared(language: Language) -> Any:
    """The penalty depends on English rows alone, so it is selected once."""
    key = f"{language.data.task} {language.code}"
    if key not in _PREPARED:
        _PREPARED[key] = prepare(ARM, language.english, language.pool, len(language.labels))
    return _PREPARED[key]


def _score(language: Language, chosen: Candidate, shots: Rows, scored: Rows) -> float:
    classes = len(language.labels)
    head = fit_head(ARM, chosen.prepared, language.english, shots, classes)
    predicted = head.logits(scored.vectors).numpy().argmax(1)
    return float(macro_f1(confusion_matrix(scored.labels.numpy(), predicted, classes)))


if __name__ == "__main__":
    main()
