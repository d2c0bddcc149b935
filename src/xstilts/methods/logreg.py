"""Multinomial logistic regression on the states of a frozen encoder."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from xstilts.errors import StageError
from xstilts.methods.frozen_states import FrozenStatesMethod, concatenate

if TYPE_CHECKING:
    from torch import Tensor

MAX_ITERATIONS = 1000
TOLERANCE = 1e-5
"""Convergence: largest entry of the gradient of the mean loss. scikit-learn stops at 1e-4."""


class Logreg(FrozenStatesMethod):
    """Multinomial logistic regression on the states of the English examples and the shots. The encoder is not
    trained."""

    method: Literal["logreg"] = "logreg"
    l2: Annotated[float, Field(gt=0)] = 1.0
    """L2 penalty, 1/C in scikit-learn: the objective is the sum of the losses plus l2/2 times the squared weight norm.
    Dimensions are standardised first; biases are not penalised. With two classes, each has its own weight vector."""

    label: ClassVar[str] = "logistic regression"
    explanation: ClassVar[str] = (
        "Logistic regression does not train the encoder. The encoder stays as it is after English training; the head "
        "is fitted to the states of the English examples and the shots, with an L2 penalty, until it converges."
    )

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        vectors, labels = concatenate(shots, english)
        weight, bias = solve(vectors, labels, classes, self.l2)
        return {"weight": weight, "bias": bias}


def solve(vectors: "Tensor", labels: "Tensor", classes: int, l2: float) -> "tuple[Tensor, Tensor]":
    """Weight [classes, width] and bias [classes], in float32, from vectors [rows, width] and class ids [rows].

    Runs L-BFGS in float64 from zero, so the result depends on the data only. A class without examples is never
    predicted. Raises StageError if it does not converge.
    """
    import torch
    from scipy.optimize import minimize

    vectors = vectors.double()
    present, targets = labels.unique(return_inverse=True)
    rows, width, count = *vectors.shape, len(present)
    centre = vectors.mean(0)
    scale = vectors.std(0, correction=0)
    scale = torch.where(scale > 1e-12, scale, 1.0)
    design = (vectors - centre) / scale
    row_ids = torch.arange(rows)

    def loss_and_gradient(flat):
        parameters = torch.from_numpy(flat).reshape(count, width + 1)
        weight, bias = parameters[:, :width], parameters[:, width]
        log_shares = torch.addmm(bias, design, weight.T).log_softmax(-1)
        loss = -log_shares[row_ids, targets].mean() + l2 / rows / 2 * (weight * weight).sum()
        residuals = log_shares.exp()
        residuals[row_ids, targets] -= 1
        residuals /= rows
        gradient = torch.cat([residuals.T @ design + l2 / rows * weight, residuals.sum(0)[:, None]], 1)
        return loss.item(), gradient.reshape(-1).numpy()

    start = torch.zeros(count * (width + 1), dtype=torch.float64).numpy()
    options = {"gtol": TOLERANCE, "ftol": 0.0, "maxiter": MAX_ITERATIONS, "maxfun": 2 * MAX_ITERATIONS, "maxls": 50}
    result = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    if not result.success:
        raise StageError(
            f"logistic regression did not converge in {result.nit} iterations ({result.message})",
            "raise `l2` of the method `logreg`, or use another method",
        )
    fitted = torch.from_numpy(result.x).reshape(count, width + 1)
    weight = torch.zeros(classes, width, dtype=torch.float64)
    weight[present] = fitted[:, :width] / scale
    bias = torch.full((classes,), -1e30, dtype=torch.float64)
    bias[present] = fitted[:, width] - (fitted[:, :width] / scale) @ centre
    return weight.float(), bias.float()
