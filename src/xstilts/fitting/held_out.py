"""What the held-out predictions of the selected arm say: estimate, classes, calibration, wrong rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xstilts.fitting.calibrate import calibration_report, fit_temperature, probabilities
from xstilts.fitting.dataset import Dataset, Part, shown_text
from xstilts.fitting.encode import class_ids
from xstilts.fitting.estimate import INTERVAL, SCORES, Posterior, confusion_matrix, posterior, selection_optimism
from xstilts.fitting.label_issues import contradicted_rows
from xstilts.fitting.report import CalibrationReport, Difference, Estimate, HeldOutRow
from xstilts.fitting.search import Candidate, Search, correct_rows, selected
from xstilts.fitting.sets import estimate_sets, label_counts, micro_f1

METRICS = {"classification": ("macro_f1", "macro F1"), "multi-label": ("micro_f1", "micro F1")}
FEWEST_TO_CALIBRATE = 10
MOST_SHOWN = 50
DIFFERENCE_SAMPLES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The shares of the classes among new texts [classes]; None if they are as uncertain as the rows' own."""

    values: np.ndarray | None
    note: str


def class_shares(dataset: Dataset, prior: Mapping[str, float]) -> Shares:
    """Of new texts: the user's, equal ones if the rows were drawn equally per class, otherwise those of the rows."""
    if dataset.problem == "multi-label":
        return Shares(values=None, note="")
    if prior:
        values = np.array([prior.get(label, 0.0) for label in dataset.labels])
        return Shares(values=values, note="The score is for texts with the class shares that you gave.")
    counts = list(dataset.shots.labels().values())
    if len(counts) > 1 and len(set(counts)) == 1:
        values = np.full(len(dataset.labels), 1 / len(dataset.labels))
        note = (
            f"Every class has {counts[0]} rows, so they were probably drawn equally. The score is for texts in which "
            "all classes are equally frequent; if they are not, give their shares with --prior."
        )
        return Shares(values=values, note=note)
    return Shares(values=None, note="The score is for texts in which classes are as frequent as in your rows.")


def posterior_of(dataset: Dataset, part: Part, predicted: np.ndarray, shares: np.ndarray | None) -> Posterior:
    """The posterior of the confusion of predicted class ids [rows] on labelled rows.

    Classes that the model does not have follow those that it has; they are never predicted.
    """
    labels = dataset.labels_of(part)
    gold = [labels.index(example.classes[0]) for example in part.examples]
    matrix = confusion_matrix(gold, predicted, len(labels))
    groups = len({example.group for example in part.examples})
    return posterior(matrix, shares=shares, effective=groups / len(part))


def arm_estimate(dataset: Dataset, candidate: Candidate, shares: np.ndarray | None, optimism: float = 0.0) -> Estimate:
    """The estimate of one arm from its held-out predictions of the rows of the language."""
    assert candidate.logits is not None
    logits = np.nan_to_num(candidate.logits, nan=-np.inf)
    if dataset.problem == "multi-label":
        gold = class_ids(dataset, dataset.shots.examples).numpy()
        groups = [example.group for example in dataset.shots.examples]
        return estimate_sets(label_counts(gold, (logits > 0).astype(int)), groups, optimism=optimism)
    metric = SCORES[METRICS[dataset.problem][0]]
    return posterior_of(dataset, dataset.shots, logits.argmax(1), shares).estimate(metric, optimism=optimism)


def arm_difference(dataset: Dataset, candidate: Candidate, before: Candidate) -> Difference | None:
    """The score of one arm minus that of another on the same rows, with a 95% interval from a bootstrap over groups."""
    if candidate.logits is None or before.logits is None:
        return None
    gold = class_ids(dataset, dataset.shots.examples).numpy()
    predictions = [np.nan_to_num(arm.logits, nan=-np.inf) for arm in (candidate, before) if arm.logits is not None]
    _, groups = np.unique([example.group for example in dataset.shots.examples], return_inverse=True)
    rng = np.random.default_rng(0)

    def difference(rows: np.ndarray) -> float:
        scores = [_score(dataset, gold[rows], logits[rows]) for logits in predictions]
        return scores[0] - scores[1]

    members = [np.flatnonzero(groups == group) for group in range(groups.max() + 1)]
    drawn = rng.integers(len(members), size=(DIFFERENCE_SAMPLES, len(members)))
    samples = [difference(np.concatenate([members[group] for group in row])) for row in drawn]
    low, high = np.percentile(samples, INTERVAL)
    value = difference(np.arange(len(gold)))
    return Difference(value=value, low=min(float(low), value), high=max(float(high), value))


def _score(dataset: Dataset, gold: np.ndarray, logits: np.ndarray) -> float:
    if dataset.problem == "multi-label":
        return float(micro_f1(label_counts(gold, (logits > 0).astype(int)).sum(0)))
    return float(SCORES["macro_f1"](confusion_matrix(gold, logits.argmax(1), len(dataset.labels))))


def optimism_of(dataset: Dataset, search: Search) -> float:
    """How much of the selected arm's score is due to its selection: at most its lead on the first arm, which would have
    been used otherwise."""
    own = class_ids(dataset, dataset.shots.examples)
    chosen = selected(search)
    if chosen is search.candidates[0] or chosen.logits is None:
        return 0.0
    scores = np.array([correct_rows(dataset.problem, c.logits, own) for c in search.candidates if c.logits is not None])
    lead = correct_rows(dataset.problem, chosen.logits, own).mean() - scores[0].mean()
    return min(float(lead), selection_optimism(scores, [example.group for example in dataset.shots.examples]))


def english_score(dataset: Dataset, candidate: Candidate) -> float | None:
    """The score on held-out English rows."""
    english = candidate.space.encoded.english
    if english is None or not len(candidate.english_rows):
        return None
    gold = english.labels[list(candidate.english_rows)].numpy()
    return _score(dataset, gold, np.nan_to_num(candidate.english_logits, nan=-np.inf))


def trivial_estimate(dataset: Dataset, shares: np.ndarray | None) -> Estimate:
    """Always the most frequent class of the language, or its most frequent set of labels."""
    examples = dataset.shots.examples
    if dataset.problem == "multi-label":
        sets = [example.classes for example in examples]
        common = max(sorted(set(sets)), key=sets.count)
        predicted = np.tile([int(label in common) for label in dataset.labels], (len(examples), 1))
        gold = class_ids(dataset, examples).numpy()
        return estimate_sets(label_counts(gold, predicted), [example.group for example in examples])
    counts = np.array([dataset.shots.labels()[label] for label in dataset.labels])
    matrix = np.zeros((len(counts), len(counts)))
    matrix[:, counts.argmax()] = counts
    result = posterior(matrix, shares=shares)
    rates = np.zeros_like(result.rates)
    rates[..., counts.argmax()] = 1
    exact = Posterior(rates=rates, shares=result.shares, confusion=matrix, rows=result.rows)
    return exact.estimate(SCORES[METRICS[dataset.problem][0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Believability:
    """Temperature, and what is known about probabilities on held-out rows of the language (English ones without)."""

    temperature: float
    report: CalibrationReport | None
    held_out: np.ndarray | None
    """Calibrated probabilities of the rows of the language [rows, classes]."""


def believability(dataset: Dataset, candidate: Candidate, precision: float) -> Believability:
    """Fit the temperature on held-out rows: first on English ones, then on those of the language from there."""
    multi_label, temperature = dataset.problem == "multi-label", 1.0
    logits, gold = candidate.english_logits, np.zeros(0)
    english = candidate.space.encoded.english
    if english is not None and len(candidate.english_rows):
        gold = english.labels[list(candidate.english_rows)].numpy()
        temperature = fit_temperature(*_usable(logits, gold))
    if candidate.logits is not None:
        logits, gold = candidate.logits, class_ids(dataset, dataset.shots.examples).numpy()
        temperature = fit_temperature(*_usable(logits, gold), prior=temperature)
    usable, gold = _usable(logits, gold)
    if len(usable) < FEWEST_TO_CALIBRATE:
        return Believability(temperature=temperature, report=None, held_out=None)
    shares = probabilities(usable, temperature, multi_label=multi_label)
    if multi_label:
        confidence, correct = np.maximum(shares, 1 - shares).ravel(), ((shares >= 0.5) == gold).ravel()
    else:
        confidence, correct = shares.max(1), shares.argmax(1) == gold
    report = calibration_report(confidence.tolist(), correct.tolist(), temperature, precision)
    held_out = (
        None
        if candidate.logits is None
        else probabilities(np.nan_to_num(candidate.logits, nan=-50.0), temperature, multi_label=multi_label)
    )
    return Believability(temperature=temperature, report=report, held_out=held_out)


def _usable(logits: np.ndarray, gold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have logits, with those of impossible classes made finite."""
    kept = ~np.isnan(logits).any(1) if len(logits) else np.zeros(0, bool)
    return np.maximum(logits[kept], -1e3), gold[kept]


def held_out_rows(dataset: Dataset, part: Part, shares: np.ndarray, rows: Sequence[int]) -> tuple[HeldOutRow, ...]:
    """Rows with their held-out prediction, from probabilities [rows, classes]."""
    labels = list(dataset.labels)

    def row(number: int) -> HeldOutRow:
        example: Any = part.examples[number]
        best = int(shares[number].argmax())
        return HeldOutRow(
            source=part.places[number],
            text=shown_text(example),
            label=example.classes[0],
            predicted=labels[best],
            probability=float(shares[number, best]),
            label_probability=float(shares[number, labels.index(example.classes[0])]),
        )

    return tuple(row(number) for number in rows[:MOST_SHOWN])


def wrong_rows(dataset: Dataset, shares: np.ndarray) -> list[int]:
    """Numbers of wrong held-out predictions, most confident first."""
    gold = class_ids(dataset, dataset.shots.examples).numpy()
    rows = np.flatnonzero(shares.argmax(1) != gold)
    return rows[np.argsort(-shares[rows].max(1), kind="stable")].tolist()


def suspicious_rows(
    dataset: Dataset, candidate: Candidate, own: np.ndarray | None, temperature: float
) -> tuple[HeldOutRow, ...]:
    """Rows of the language and then English rows whose label the others contradict."""
    found: tuple[HeldOutRow, ...] = ()
    if own is not None:
        gold = class_ids(dataset, dataset.shots.examples).numpy()
        found = held_out_rows(dataset, dataset.shots, own, contradicted_rows(own, gold))
    english = candidate.space.encoded.english
    if english is not None and len(candidate.english_rows):
        numbers = [candidate.space.encoded.english_used[row] for row in candidate.english_rows]
        part = dataset.english.subset(numbers)
        shares = probabilities(np.nan_to_num(candidate.english_logits, nan=-50.0), temperature)
        gold = english.labels[list(candidate.english_rows)].numpy()
        found += held_out_rows(dataset, part, shares, contradicted_rows(shares, gold))
    return found
