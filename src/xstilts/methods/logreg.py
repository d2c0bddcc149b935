"""Multinomial logistic regression on the states of a frozen encoder."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, cast

from pydantic import Field

from xstilts.errors import StageError
from xstilts.methods.discriminant import language_offset, moments, variance_within
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.lda import SHOTS_WEIGHT

if TYPE_CHECKING:
    from torch import Tensor

    from xstilts.methods.leave_one_out import Rows

MAX_ITERATIONS = 1000
TOLERANCE = 1e-5
"""Convergence: largest entry of the gradient of the mean loss. scikit-learn stops at 1e-4."""
PENALTIES = (1000.0, 100.0, 10.0, 1.0)
"""Candidates for `l2: auto`, strongest first."""
WITHOUT_ENGLISH = 1.0
"""The penalty if there are no English examples to select it on."""
FOLDS = 10
MAX_ROWS = 50_000
"""The head is fitted to at most this many English examples or words, evenly spaced."""
MAX_SELECTION_ROWS = 10_000
"""The penalty is selected on at most this many of them, evenly spaced."""
SELECTION_TOLERANCE = 1e-3
NEVER = -1e30
"""The bias of a class without examples."""


class Logreg(FrozenStatesMethod):
    """Multinomial logistic regression on the states of the English examples and the shots. The encoder is not
    trained."""

    method: Literal["logreg"] = "logreg"
    l2: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    """L2 penalty, 1/C in scikit-learn: the objective is the sum of the losses plus l2/2 times the squared weight norm.
    Dimensions are standardised first; biases are not penalised. With two classes, each has its own weight vector.
    `auto` is the strongest of 1, 10, 100 and 1000 whose error in cross-validation over groups of English examples is
    within one standard error of the lowest; 1 without English examples."""
    shots_weight: Annotated[float, Field(gt=0)] = SHOTS_WEIGHT
    """How many English examples a shot counts for."""
    language_offset: bool = True
    """Subtract the language's offset from the states of the target language, as `lda` does."""

    selects_on_english: ClassVar[bool] = True
    reads_unlabelled: ClassVar[bool] = True
    label: ClassVar[str] = "logistic regression"
    explanation: ClassVar[str] = (
        "Logistic regression does not train the encoder. The encoder stays as it is after English training; the head "
        "is fitted to the states of the English examples and the shots, with an L2 penalty, until it converges. The "
        "penalty is selected by cross-validation over groups of English examples. At most 50,000 English examples or "
        "words are used, evenly spaced."
    )

    def select_on_english(self, rows: "Rows", classes: int) -> "tuple[Tensor, ...]":
        """An `_Examples` with the selected penalty and the head of the English examples alone."""
        import torch

        rows = rows.spaced(MAX_ROWS)
        l2 = select_penalty(rows, classes) if self.l2 == "auto" else self.l2
        counts = torch.ones(len(rows.labels), dtype=torch.float64)
        head = solve(rows.vectors, rows.labels, classes, l2)
        return rows.vectors, rows.labels, counts, torch.tensor(l2), *head

    def with_language(
        self, english: "tuple[Tensor, ...]", shots: "tuple[Tensor, ...]", classes: int
    ) -> "tuple[Tensor, ...]":
        return self._joined(english, shots, self._offset(english, shots, classes))

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        examples, offset = cast("tuple[Tensor, ...]", english or shots), None
        if english is not None and shots is not None:
            offset = self._offset(english, shots, classes)
            examples = self._joined(english, shots, offset)
        vectors, labels, counts, penalty, weight, bias = _Examples(*examples)
        l2 = WITHOUT_ENGLISH if self.l2 == "auto" else self.l2
        weight, bias = solve(
            vectors,
            labels,
            classes,
            l2 if penalty is None else penalty.item(),
            weights=counts,
            start=None if weight is None or bias is None else (weight, bias),
        )
        if offset is not None:
            bias = bias - weight @ offset
        return {"weight": weight.float(), "bias": bias.float()}

    def _joined(
        self, english: "tuple[Tensor, ...]", shots: "tuple[Tensor, ...]", offset: "Tensor"
    ) -> "tuple[Tensor, ...]":
        """English examples and shots without their offset, with the weight of a shot."""
        import torch

        vectors, labels, *rest = english
        counts = rest[0] if rest else torch.ones(len(labels), dtype=torch.float64)
        return (
            torch.cat([vectors, shots[0] - offset]),
            torch.cat([labels, shots[1]]),
            torch.cat([counts, torch.full((len(shots[1]),), self.shots_weight, dtype=torch.float64)]),
            *rest[1:],
        )

    def _offset(self, english: "tuple[Tensor, ...]", shots: "tuple[Tensor, ...]", classes: int) -> "Tensor":
        target, source = (moments(vectors, labels, classes) for vectors, labels, *_ in (shots, english))
        return language_offset(target, source, variance_within(source)) * self.language_offset


class _Examples(NamedTuple):
    """Labelled vectors; those of English examples with what was selected on them."""

    vectors: "Tensor"
    """[rows, width]."""
    labels: "Tensor"
    """[rows]."""
    counts: "Tensor | None" = None
    """How many examples each row counts for, [rows]."""
    penalty: "Tensor | None" = None
    weight: "Tensor | None" = None
    """Where the fit starts: [classes, width]."""
    bias: "Tensor | None" = None


def select_penalty(rows: "Rows", classes: int) -> float:
    """The strongest penalty whose error in cross-validation over groups is within one standard error of the lowest."""
    import torch

    rows = rows.spaced(MAX_SELECTION_ROWS)
    vectors, labels = rows.vectors.double(), rows.labels
    folds = torch.tensor(_folds(rows.groups))
    errors = torch.zeros(len(PENALTIES), len(labels), dtype=torch.float64)
    for fold in range(FOLDS):
        held_out, start = folds == fold, None
        if not held_out.any() or held_out.all():
            return WITHOUT_ENGLISH
        for candidate, l2 in enumerate(PENALTIES):
            start = solve(
                vectors[~held_out], labels[~held_out], classes, l2, start=start, tolerance=SELECTION_TOLERANCE
            )
            predicted = torch.addmm(start[1], vectors[held_out], start[0].T).argmax(-1)
            errors[candidate, held_out] = (predicted != labels[held_out]).double()
    best = errors[errors.mean(1).argmin()]
    for candidate, l2 in enumerate(PENALTIES):
        difference = errors[candidate] - best
        if difference.mean() <= difference.std() / len(labels) ** 0.5:
            return l2
    raise AssertionError("the best penalty is within one standard error of itself")


def _folds(groups: Sequence[str]) -> list[int]:
    """The fold of each row: groups in the order of their first row, one fold after the other."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [numbers[group] % FOLDS for group in groups]


def solve(
    vectors: "Tensor",
    labels: "Tensor",
    classes: int,
    l2: float,
    *,
    weights: "Tensor | None" = None,
    start: "tuple[Tensor, Tensor] | None" = None,
    tolerance: float = TOLERANCE,
) -> "tuple[Tensor, Tensor]":
    """Weight [classes, width] and bias [classes], in float64, from vectors [rows, width] and class ids [rows].

    A row counts `weights` [rows] times. Runs L-BFGS in float64 from `start` or zero, so the result depends on the data
    only. A class without examples is never predicted. Raises StageError if it does not converge.
    """
    import torch
    from scipy.optimize import minimize

    vectors = vectors.double()
    present, targets = labels.unique(return_inverse=True)
    rows, width, count = *vectors.shape, len(present)
    weights = torch.ones(rows, dtype=torch.float64) if weights is None else weights
    total = weights.sum()
    centre = weights @ vectors / total
    scale = (weights @ (vectors - centre) ** 2 / total).sqrt()
    scale = torch.where(scale > 1e-12, scale, 1.0)
    design = (vectors - centre) / scale
    row_ids = torch.arange(rows)

    def loss_and_gradient(flat):
        parameters = torch.from_numpy(flat).reshape(count, width + 1)
        weight, bias = parameters[:, :width], parameters[:, width]
        log_shares = torch.addmm(bias, design, weight.T).log_softmax(-1)
        loss = -(weights @ log_shares[row_ids, targets]) / total + l2 / total / 2 * (weight * weight).sum()
        residuals = log_shares.exp()
        residuals[row_ids, targets] -= 1
        residuals *= (weights / total)[:, None]
        gradient = torch.cat([residuals.T @ design + l2 / total * weight, residuals.sum(0)[:, None]], 1)
        return loss.item(), gradient.reshape(-1).numpy()

    initial = torch.zeros(count, width + 1, dtype=torch.float64)
    if start is not None:
        initial[:, :width] = start[0][present] * scale
        bias = start[1][present]
        initial[:, width] = torch.where(bias > NEVER, bias, 0.0) + start[0][present] @ centre
    options = {"gtol": tolerance, "ftol": 0.0, "maxiter": MAX_ITERATIONS, "maxfun": 2 * MAX_ITERATIONS, "maxls": 50}
    result = minimize(loss_and_gradient, initial.reshape(-1).numpy(), jac=True, method="L-BFGS-B", options=options)
    if not result.success:
        raise StageError(
            f"logistic regression did not converge in {result.nit} iterations ({result.message})",
            "raise `l2` of the method `logreg`, or use another method",
        )
    fitted = torch.from_numpy(result.x).reshape(count, width + 1)
    weight = torch.zeros(classes, width, dtype=torch.float64)
    weight[present] = fitted[:, :width] / scale
    bias = torch.full((classes,), NEVER, dtype=torch.float64)
    bias[present] = fitted[:, width] - (fitted[:, :width] / scale) @ centre
    return weight, bias
