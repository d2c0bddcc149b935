"""A folder that SetFit's `SetFitModel.from_pretrained` loads."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xstilts.errors import UserError
from xstilts.fitting.model import FittedModel

HEAD = "model_head.pkl"


def write_setfit(model: FittedModel, folder: Path) -> Callable[[Sequence[Any]], np.ndarray]:
    """Turn the sentence-transformers folder `folder` into one of SetFit, and return how it computes probabilities.

    The body gives the pooled state; the head is a pickled LogisticRegression of scikit-learn with the model's weights
    divided by its temperature, so that `predict_proba` is calibrated. Raises UserError for multi-label models and
    pairs, and if scikit-learn is missing.
    """
    if model.facts.problem != "classification" or model.facts.reads_pairs:
        raise UserError(
            "SetFit reads single texts with one label each", "export with `--to onnx` or `--to sentence-transformers`"
        )
    try:
        import joblib
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise UserError("an export to SetFit needs scikit-learn", "pip install scikit-learn") from None
    weight = (model.weight / model.facts.calibration.temperature).double().numpy()
    bias = (model.bias / model.facts.calibration.temperature).double().numpy()
    if len(model.labels) == 2:  # scikit-learn has one row for two classes
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    head: Any = LogisticRegression()
    head.coef_, head.intercept_ = weight, bias
    head.classes_, head.n_features_in_ = np.arange(len(model.labels)), weight.shape[1]
    head.n_iter_ = np.zeros(1, np.int32)
    joblib.dump(head, folder / HEAD)
    settings = {"labels": list(model.labels), "normalize_embeddings": False}
    (folder / "config_setfit.json").write_text(json.dumps(settings, ensure_ascii=False, indent=2), encoding="utf-8")
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    (folder / "modules.json").write_text(json.dumps(modules[:2], indent=2), encoding="utf-8")
    shutil.rmtree(folder / "2_Dense")
    (folder / "xstilts.json").unlink()
    print(
        f"warning: {HEAD} is a pickle, as SetFit wants it: whoever loads it must trust whoever could change it",
        file=sys.stderr,
    )

    def probabilities(texts: Sequence[Any]) -> np.ndarray:
        vectors = model.states.vectors([(str(text).strip(), None) for text in texts])[0]
        return head.predict_proba(vectors.numpy())

    return probabilities
