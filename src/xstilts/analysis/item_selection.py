"""Selects the items that a report shows with their images: items on which two arms differ come first."""

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
from xstilts.config.recipe import MAJORITY, Recipe
from xstilts.problems import Example

ITEMS_PER_LANGUAGE = 4
"""Items shown per language."""

_CORRECT = ("correct", "image_at_1")
"""Columns of scored items: whether the answer, or the top-ranked image of a caption, was right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmAnswers:
    """An arm's answers to one item, one per run, as JSON texts."""

    right: tuple[bool, ...]
    answers: tuple[str, ...]

    @property
    def mostly_right(self) -> bool:
        return 2 * sum(self.right) >= len(self.right)

    @property
    def right_of_total(self) -> str:
        return f"{sum(self.right)}/{len(self.right)}"

    @property
    def answer(self) -> Any:
        """The most frequent answer; of equally frequent ones the right one, else the first in alphabetical order."""
        right_by_answer = dict(zip(self.answers, self.right, strict=True))
        counts = Counter(self.answers)
        return json.loads(min(counts, key=lambda text: (-counts[text], not right_by_answer[text], text)))

    @property
    def rank(self) -> int:
        """The median rank of a caption's image."""
        return median_low(json.loads(text)[0] for text in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An item that may be shown, with the answers of every arm; the two compared arms come first."""

    example: Example
    gold: Any
    answers: tuple[ArmAnswers, ...]

    @property
    def kind(self) -> tuple[bool, bool]:
        """Whether the first and the second arm are right in at least half of their runs."""
        return self.answers[0].mostly_right, self.answers[1].mostly_right

    @property
    def order(self) -> bytes:
        """A pseudo-random sort key, equal for translations of an item: parallel data then show the same images."""
        return hashlib.sha256(self.example.id.partition("#")[0].encode()).digest()


Candidates = Mapping[str, Sequence[Candidate]]
"""By language."""

OUTCOME_KINDS = {
    (False, True): "wrong, then right",
    (True, False): "right, then wrong",
    (True, True): "right in both",
    (False, False): "wrong in both",
}


def shown_arms(recipe: Recipe, design: TaskDesign) -> tuple[ArmName, ...]:
    """The arms to show, the two compared ones first: the arms of the primary contrast's 2 x 2 design if there is one,
    else the baseline and one other arm."""
    two_by_twos = list(design.detailed)
    if recipe.primary and recipe.primary.task == design.task.name:
        name = recipe.primary.treatment.intermediate
        two_by_twos.sort(key=lambda two_by_two: two_by_two.intermediate != name)
    if two_by_twos:
        return two_by_twos[0].arms
    arms = [arm for arm in design.main_arms if arm != design.baseline and arm.method != MAJORITY]
    arms.sort(key=lambda arm: (arm.intermediate != design.baseline.intermediate, -arm.shots))
    return (design.baseline, *arms[:1])


def candidates_of(examples: Iterable[Example], arms: Sequence[ArmItems], language: str) -> list[Candidate]:
    """The items that all arms have scored, with their answers."""
    runs_by_arm = [list(arm.get(language, {}).values()) for arm in arms]
    if not all(runs_by_arm):
        return []
    answers = [_answers_by_item(runs) for runs in runs_by_arm]
    gold = dict(runs_by_arm[0][0].select("item", "gold").rows())
    return [
        Candidate(example=example, gold=json.loads(gold[example.id]), answers=tuple(arm[example.id] for arm in answers))
        for example in examples
        if all(example.id in arm for arm in answers)
    ]


def select_items(candidates: Candidates, max_images: int) -> dict[str, list[Candidate]]:
    """Up to `ITEMS_PER_LANGUAGE` candidates per language, one of each kind if possible, with at most `max_images`
    different images.

    Languages take turns. Once the limit is reached, only items whose images are already shown are selected.
    """
    kinds = tuple(OUTCOME_KINDS)
    selected: dict[str, list[Candidate]] = {language: [] for language in candidates}
    ranked = {language: sorted(items, key=lambda item: item.order) for language, items in candidates.items()}
    images: set[str] = set()
    for allowed_kinds in (*((kind,) for kind in kinds), *[kinds] * (ITEMS_PER_LANGUAGE - 1)):
        for language, items in ranked.items():
            if len(selected[language]) == ITEMS_PER_LANGUAGE:
                continue
            item = next(
                (
                    item
                    for kind in allowed_kinds
                    for item in items
                    if item.kind == kind
                    and item not in selected[language]
                    and len(images.union(item.example.shown_images)) <= max_images
                ),
                None,
            )
            if item:
                selected[language].append(item)
                images.update(item.example.shown_images)
    return {language: sorted(items, key=lambda item: kinds.index(item.kind)) for language, items in selected.items()}


def _answers_by_item(frames: Sequence[pl.DataFrame]) -> dict[str, ArmAnswers]:
    right: dict[str, list[bool]] = defaultdict(list)
    answers: dict[str, list[str]] = defaultdict(list)
    for frame in frames:
        column = next(name for name in _CORRECT if name in frame.columns)
        for item, answer, correct in frame.select("item", "predicted", column).rows():
            right[item].append(correct > 0)
            answers[item].append(answer)
    return {item: ArmAnswers(right=tuple(right[item]), answers=tuple(answers[item])) for item in right}
