"""Which items are shown with their pictures: where arms differ, then such that they get right or wrong alike."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

import polars as pl

from xstilts.analysis.design import TaskDesign
from xstilts.analysis.results import ArmItems, ArmName
from xstilts.config.recipe import Recipe
from xstilts.problems import Example

EACH = 4
"""Items of a language."""

_RIGHT = ("correct", "image_at_1")
"""Columns of scored items that say whether an answer, or a caption's first picture, was right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What an arm answered to one item in all its runs, as JSON texts."""

    right: tuple[bool, ...]
    answers: tuple[str, ...]

    @property
    def mostly(self) -> bool:
        return 2 * sum(self.right) >= len(self.right)

    @property
    def shares(self) -> str:
        return f"{sum(self.right)}/{len(self.right)}"

    @property
    def answer(self) -> Any:
        """The most frequent one; of equally frequent ones the right one, else the first in order."""
        known = dict(zip(self.answers, self.right, strict=True))
        counts = Counter(self.answers)
        return json.loads(min(counts, key=lambda text: (-counts[text], not known[text], text)))

    @property
    def rank(self) -> int:
        """The median rank of a caption's picture."""
        return median_low(json.loads(text)[0] for text in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An item that may be shown; `runs` are those of every arm that is shown, the compared two first."""

    example: Example
    gold: Any
    runs: tuple[Runs, ...]

    @property
    def kind(self) -> tuple[bool, bool]:
        """Whether the first arm is mostly right, and the second."""
        return self.runs[0].mostly, self.runs[1].mostly

    @property
    def order(self) -> bytes:
        """The same for an item in every language: parallel data show the same pictures."""
        return hashlib.sha256(self.example.id.partition("#")[0].encode()).digest()


Candidates = Mapping[str, Sequence[Candidate]]
"""By language."""

KINDS = {
    (False, True): "wrong, then right",
    (True, False): "right, then wrong",
    (True, True): "right in both",
    (False, False): "wrong in both",
}


def shown_arms(recipe: Recipe, design: TaskDesign) -> tuple[ArmName, ...]:
    """The two that are compared, the baseline and its few-shot arm where there is one, then others of their 2 x 2."""
    squares = list(design.squares)
    if recipe.primary and recipe.primary.task == design.task.name:
        name = recipe.primary.treatment.intermediate
        squares.sort(key=lambda square: square.intermediate != name)
    if squares:
        return squares[0].corners
    others = [arm for arm in design.main_arms if arm != design.baseline]
    others.sort(key=lambda arm: (arm.intermediate != design.baseline.intermediate, -arm.shots))
    return (design.baseline, *others[:1])


def candidates_of(examples: Iterable[Example], arms: Sequence[ArmItems], language: str) -> list[Candidate]:
    """The items that all arms have scored, with what they answered."""
    frames = [list(arm.get(language, {}).values()) for arm in arms]
    runs = [_runs(own) for own in frames]
    gold = {item: text for own in frames[:1] for frame in own[:1] for item, text in frame.select("item", "gold").rows()}
    return [
        Candidate(example=example, gold=json.loads(gold[example.id]), runs=tuple(arm[example.id] for arm in runs))
        for example in examples
        if all(example.id in arm for arm in runs)
    ]


def chosen(candidates: Candidates, most: int) -> dict[str, list[Candidate]]:
    """Of every language `EACH` candidates, one of each kind where it has one, with at most so many different pictures.

    In turn for all languages. Where another picture would be too many, an item is taken whose pictures are shown
    already.
    """
    kinds = tuple(KINDS)
    found: dict[str, list[Candidate]] = {language: [] for language in candidates}
    ranked = {language: sorted(own, key=lambda one: one.order) for language, own in candidates.items()}
    shown: set[str] = set()
    for wanted in (*((kind,) for kind in kinds), *[kinds] * (EACH - 1)):
        for language, own in ranked.items():
            free = (one for kind in wanted for one in own if one.kind == kind and one not in found[language])
            fits = (one for one in free if len(shown.union(one.example.shown_images)) <= most)
            if len(found[language]) < EACH and (one := next(fits, None)):
                found[language].append(one)
                shown.update(one.example.shown_images)
    return {language: sorted(own, key=lambda one: kinds.index(one.kind)) for language, own in found.items()}


def _runs(frames: Sequence[pl.DataFrame]) -> dict[str, Runs]:
    right: dict[str, list[bool]] = defaultdict(list)
    answers: dict[str, list[str]] = defaultdict(list)
    for frame in frames:
        column = next(name for name in _RIGHT if name in frame.columns)
        for item, answer, hit in frame.select("item", "predicted", column).rows():
            right[item].append(hit > 0)
            answers[item].append(answer)
    return {item: Runs(right=tuple(hits), answers=tuple(answers[item])) for item, hits in right.items()}
