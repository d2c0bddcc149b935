"""The linear heads that `fit` tries on an encoder's vectors: fitted to English rows and rows of the language."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from xstilts.fitting.subword_scores import SubwordScores
from xstilts.fitting.subwords import MOST_ROWS, fit_subwords
from xstilts.methods.discriminant import james_stein, language_offset, moments, variance_within
from xstilts.methods.lda import Lda
from xstilts.methods.leave_one_out import Rows
from xstilts.methods.logreg import MAX_ROWS, NEVER, WITHOUT_ENGLISH, select_penalty, solve
from xstilts.problems import PROBLEMS

Kind = Literal["logreg", "lda", "labels"]


class Head(NamedTuple):
    """A linear head: logits are `vectors @ weight.T + bias`, plus the scores of sub-words."""

    weight: Tensor
    """[classes, width]."""
    bias: Tensor
    """[classes]."""
    subwords: SubwordScores | None = None

    def logits(self, vectors: Tensor, subwords: Sequence[Sequence[str]] = ()) -> Tensor:
        """Of texts with vectors [texts, width] and their sub-words, which a head with scores of sub-words needs."""
        logits = vectors.double() @ self.weight.double().T + self.bias.double()
        return logits if self.subwords is None else logits + torch.from_numpy(self.subwords.logits(subwords))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadArm:
    """How a head is fitted. `shots_weight` is the number of English rows that a row of the language counts for."""

    name: str
    description: str
    kind: Kind
    shots_weight: float = 3.0
    balanced: bool = False
    """Whether each class counts equally."""
    uses_english: bool = True
    uses_unlabelled: bool = False
    uses_subwords: bool = False
    """Whether the sub-words of rows of the language add to the logits."""

    def treats_english_like(self, other: "HeadArm") -> bool:
        """Whether both give the same head without rows of the language."""
        both = self.uses_english and other.uses_english
        return both and (self.kind, self.balanced) == (other.kind, other.balanced)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What all folds of one arm share: the penalty selected on English rows, and where fits start."""

    penalty: float
    start: tuple[Tensor, Tensor] | None


def head_arms(
    problem: str, *, english: bool, shots: bool, unlabelled: bool, subwords: bool = True
) -> tuple[HeadArm, ...]:
    """The arms that suit the rows, best guess first."""
    if problem == "multi-label":
        arms = [
            HeadArm(name="labels", description="one linear discriminant per label", kind="labels"),
            HeadArm(
                name="labels, own rows only",
                description="the same from your rows alone",
                kind="labels",
                uses_english=False,
            ),
        ]
    else:
        balanced = HeadArm(
            name="logistic regression, balanced",
            description="logistic regression; all classes count equally",
            kind="logreg",
            balanced=True,
        )
        first = replace(
            balanced,
            name="logistic regression, sub-words",
            description="logistic regression and the sub-words of your rows; all classes count equally",
            uses_subwords=True,
        )
        reads_subwords = shots and subwords
        arms = [
            *([first] if reads_subwords else []),
            *([balanced] if shots else []),
            HeadArm(
                name="logistic regression",
                description="logistic regression; a row of yours counts as 3 English ones",
                kind="logreg",
            ),
            HeadArm(
                name="linear discriminant",
                description="linear discriminant; a row of yours counts as 3 English ones",
                kind="lda",
            ),
            HeadArm(
                name="logistic regression, own rows x10",
                description="logistic regression; a row of yours counts as 10 English ones",
                kind="logreg",
                shots_weight=10.0,
            ),
            *([] if shots else [balanced]),
            HeadArm(
                name="logistic regression, own rows only",
                description="logistic regression from your rows alone",
                kind="logreg",
                uses_english=False,
            ),
            replace(
                first if reads_subwords else balanced,
                name="logistic regression, unlabelled texts",
                description="logistic regression, with the mean of unlabelled texts; all classes count equally",
                uses_unlabelled=True,
            ),
        ]
    return tuple(arm for arm in arms if _suits(arm, english=english, shots=shots, unlabelled=unlabelled))


def _suits(arm: HeadArm, *, english: bool, shots: bool, unlabelled: bool) -> bool:
    if not shots and (arm.shots_weight != 3.0 or not arm.uses_english):
        return False
    return (
        (english or not arm.uses_english or not shots)
        and (unlabelled or not arm.uses_unlabelled)
        and (english or arm.shots_weight == 3.0)
    )


def prepare(arm: HeadArm, english: Rows | None, shots: Rows | None, classes: int) -> Prepared:
    """Select the penalty of logistic regression: on English rows if there are some, otherwise on those of the language.
    An arm without English rows beside others has the default of `logreg`, as a few rows do not decide."""
    source = english if english is not None and len(english.labels) else shots
    if arm.kind != "logreg" or source is None or not len(source.labels) or (source is english and not arm.uses_english):
        return Prepared(penalty=WITHOUT_ENGLISH, start=None)
    source = source.spaced(MAX_ROWS)
    penalty = select_penalty(source, classes)
    return Prepared(penalty=penalty, start=solve(source.vectors, source.labels, classes, penalty))


def fit_head(
    arm: HeadArm,
    prepared: Prepared,
    english: Rows | None,
    shots: Rows | None,
    classes: int,
    unlabelled: Tensor | None = None,
) -> Head:
    """The head of an arm. `unlabelled` [texts, width] are vectors of unlabelled texts of the language."""
    english = english if arm.uses_english and english is not None and len(english.labels) else None
    shots = shots if shots is not None and len(shots.labels) else None
    shift = None
    if arm.uses_unlabelled and unlabelled is not None and english is not None:
        shift = _unlabelled_shift(english, unlabelled)
        shots = None if shots is None else shots._replace(vectors=shots.vectors - shift)
    head = (
        _fit_logreg(arm, prepared, english, shots, classes)
        if arm.kind == "logreg"
        else _fit_closed(arm, english, shots, classes)
    )
    if shift is not None:
        head = Head(head.weight, head.bias - head.weight @ shift)
    if arm.uses_subwords and shots is not None:
        rows = shots.spaced(MOST_ROWS)
        head = head._replace(subwords=fit_subwords(rows.subwords, rows.labels, classes))
    return head


def _fit_closed(arm: HeadArm, english: Rows | None, shots: Rows | None, classes: int) -> Head:
    problem = PROBLEMS["multi-label" if arm.kind == "labels" else "classification"]
    classifier = Lda().classifier(problem)
    english_summary, summary = (
        None if rows is None else classifier.summarise([(rows.vectors, rows.labels)], classes)
        for rows in (english, shots)
    )
    head = classifier.fit(summary, english_summary, classes)
    return Head(head["weight"].double(), head["bias"].double())


def _fit_logreg(arm: HeadArm, prepared: Prepared, english: Rows | None, shots: Rows | None, classes: int) -> Head:
    vectors, labels, weights, offset = [], [], [], None
    if english is not None:
        english = english.spaced(MAX_ROWS)
        vectors.append(english.vectors.double())
        labels.append(english.labels)
        weights.append(_class_weights(english.labels, classes, arm.balanced))
    if shots is not None:
        offset = torch.zeros(shots.vectors.shape[1], dtype=torch.float64)
        if english is not None:
            target, source = (moments(rows.vectors, rows.labels, classes) for rows in (shots, english))
            offset = language_offset(target, source, variance_within(source))
        vectors.append(shots.vectors.double() - offset)
        labels.append(shots.labels)
        own = _class_weights(shots.labels, classes, arm.balanced)
        weights.append(own if english is None else own * _shots_weights(arm.shots_weight, english, shots, classes))
    start = prepared.start if english is not None else None
    weight, bias = solve(
        torch.cat(vectors), torch.cat(labels), classes, prepared.penalty, weights=torch.cat(weights), start=start
    )
    return Head(weight, bias if offset is None else torch.where(bias > NEVER, bias - weight @ offset, bias))


def _class_weights(labels: Tensor, classes: int, balanced: bool) -> Tensor:
    """[rows], 1 on average."""
    if not balanced:
        return torch.ones(len(labels), dtype=torch.float64)
    counts = labels.bincount(minlength=classes).double()
    return (len(labels) / (counts > 0).sum() / counts.clamp(min=1))[labels]


def _shots_weights(weight: float, english: Rows, shots: Rows, classes: int) -> Tensor:
    """What each row of the language counts for [rows]. Those of a class without English rows count together for as many
    rows as an English class has (the median); otherwise a strong penalty would never let it be predicted."""
    known, own = (rows.labels.bincount(minlength=classes).double() for rows in (english, shots))
    median = known[known > 0].median()
    by_class = torch.where(known > 0, weight, (median / own.clamp(min=1)).clamp(min=weight))
    return by_class[shots.labels]


def _unlabelled_shift(english: Rows, unlabelled: Tensor) -> Tensor:
    """The mean of the language's vectors minus that of English ones, shrunk as in `james_stein`: [width]."""
    vectors = english.vectors.double()
    difference = unlabelled.double().mean(0) - vectors.mean(0)
    return james_stein(difference, len(unlabelled), vectors.var(0, correction=0))
