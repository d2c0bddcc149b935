"""Tries arms one after another within the budget, and selects one of them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from xstilts.fitting.encode import Encoded
from xstilts.fitting.folds import fold_count, strata_of, stratified_group_folds
from xstilts.fitting.heads import HeadArm, Prepared, prepare
from xstilts.fitting.sets import label_counts
from xstilts.fitting.states import StateEncoder
from xstilts.fitting.validate import english_held_out_logits, held_out_logits
from xstilts.methods.auto import select

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """An encoder with the vectors of all rows. `dev` are the numbers of English rows that a trained encoder has not
    seen, among the encoded ones; None for the pretrained encoder."""

    name: str
    description: str
    states: StateEncoder
    encoded: Encoded
    seconds: float
    dev: Sequence[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An arm with its held-out logits."""

    space: Space
    arm: HeadArm
    prepared: Prepared
    logits: np.ndarray | None
    """Of the rows of the language, [rows, classes]; None without enough of them."""
    english_logits: np.ndarray
    """Of some English rows, [rows, classes]."""
    english_rows: Sequence[int]
    """Their numbers among the encoded ones."""
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.space.name}, {self.arm.name}"


@dataclass(kw_only=True)
class Search:
    """The candidates so far. `folds` are those of the rows of the language; None if there are too few rows."""

    problem: str
    classes: int
    folds: list[int] | None
    deadline: float
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    skipped: list[str] = field(default_factory=list[str])

    def try_heads(self, space: Space, arms: Sequence[HeadArm], score: Callable[[Candidate], str], say: Say) -> None:
        """Try arms until the deadline, the first one in any case if there is no candidate yet."""
        for arm in arms:
            if self.candidates and time.monotonic() > self.deadline:
                self.skipped.append(f"{space.name}, {arm.name}")
                continue
            started = time.monotonic()
            candidate = self._candidate(space, arm, started)
            self.candidates.append(candidate)
            say(f"{candidate.name}: {score(candidate)} ({candidate.seconds:.1f} s)")

    def _candidate(self, space: Space, arm: HeadArm, started: float) -> Candidate:
        encoded = space.encoded
        prepared, english_logits, rows = self._shared(space, arm)
        logits = None
        if self.folds is not None and encoded.shots is not None:
            logits = held_out_logits(
                arm, prepared, encoded.english, encoded.shots, self.folds, self.classes, encoded.unlabelled
            ).numpy()
        return Candidate(
            space=space,
            arm=arm,
            prepared=prepared,
            logits=logits,
            english_logits=english_logits,
            english_rows=rows,
            seconds=time.monotonic() - started,
        )

    def _shared(self, space: Space, arm: HeadArm) -> tuple[Prepared, np.ndarray, Sequence[int]]:
        """The penalty and the held-out logits of English rows, which arms share that treat these alike."""
        for other in self.candidates:
            if other.space is space and other.arm.treats_english_like(arm):
                return other.prepared, other.english_logits, other.english_rows
        english = space.encoded.english
        prepared = prepare(arm, english, space.encoded.shots, self.classes)
        if english is None or not arm.uses_english:
            return prepared, np.zeros((0, self.classes)), []
        logits, rows = english_held_out_logits(arm, prepared, english, self.classes, space.dev)
        return prepared, logits.numpy(), rows


def folds_of(problem: str, encoded: Encoded) -> list[int] | None:
    """Folds over the rows of the language; None with fewer than two rows of some class, or two groups."""
    rows = encoded.shots
    if rows is None or len(set(rows.groups)) < 2:
        return None
    strata = strata_of(rows.labels.tolist())
    enough = len(strata) >= 4 if problem == "multi-label" else min(Counter(strata).values()) >= 2
    return stratified_group_folds(strata, rows.groups, fold_count(strata)) if enough else None


def correct_rows(problem: str, logits: np.ndarray, labels: torch.Tensor) -> np.ndarray:
    """1 for each right prediction [rows]; for multi-label, the F1 of the row's labels."""
    gold = labels.numpy()
    if problem != "multi-label":
        return (np.nan_to_num(logits, nan=-np.inf).argmax(1) == gold).astype(float)
    counts = label_counts(gold, (logits > 0).astype(int))
    return np.where(counts[:, 1] + counts[:, 2] > 0, 2 * counts[:, 0] / np.maximum(counts[:, 1] + counts[:, 2], 1), 1.0)


def selected(search: Search) -> Candidate:
    """The first candidate, unless another one is ahead of it by more than one standard error over groups of held-out
    rows of the language; without such rows, two standard errors over English rows that no encoder was trained on."""
    first = search.candidates[0]
    if first.logits is not None:
        assert first.space.encoded.shots is not None
        rows = first.space.encoded.shots
        scores = {
            str(number): group_means(correct_rows(search.problem, candidate.logits, rows.labels), rows.groups)
            for number, candidate in enumerate(search.candidates)
            if candidate.logits is not None
        }
        return search.candidates[int(select(list(scores), {}, scores, shots=1)[0])]
    best = first
    for candidate in search.candidates[1:]:
        paired = list(_paired_english(search.problem, best, candidate))
        if len(paired) > 1:
            differences = np.array(paired)
            error = differences.std(ddof=1) / len(differences) ** 0.5
            if candidate.space is not best.space and differences.mean() > 2 * error:
                best = candidate
    return best


def group_means(values: np.ndarray, groups: Sequence[str]) -> list[float]:
    """The mean of each group, in order of appearance."""
    by_group: dict[str, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        by_group.setdefault(group, []).append(float(value))
    return [float(np.mean(values)) for values in by_group.values()]


def _paired_english(problem: str, one: Candidate, other: Candidate) -> Iterator[float]:
    """Differences of `other` to `one` on the English rows that both have held-out logits of."""
    position = {row: number for number, row in enumerate(one.english_rows)}
    scored = []
    for candidate in (one, other):
        english = candidate.space.encoded.english
        if english is None or not len(candidate.english_rows):
            return
        scored.append(correct_rows(problem, candidate.english_logits, english.labels[list(candidate.english_rows)]))
    for number, row in enumerate(other.english_rows):
        if row in position:
            yield float(scored[1][number] - scored[0][position[row]])
