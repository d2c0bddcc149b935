"""Every few-shot method is parsed from recipes and manifests, and serialised, in the same way."""

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError
from tests.unit.methods.clouds import CLASSES, cloud

from xstilts.config.recipe import Fewshot
from xstilts.methods import METHODS, parse_method
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.full import Full
from xstilts.methods.lda import Lda
from xstilts.methods.logreg import Logreg
from xstilts.methods.lora import Lora
from xstilts.problems import PROBLEMS


@pytest.mark.parametrize("name", METHODS)
def test_a_name_and_an_empty_block_mean_the_defaults(name: str) -> None:
    method = METHODS[name]()
    assert method == parse_method(name) == parse_method({"method": name})
    assert (method.name, str(method)) == (name, name)


@pytest.mark.parametrize("method", [Full(), Lora(), Lora(rank=3), Lda(shrinkage=0.5)])
@pytest.mark.parametrize("options", [{"exclude_defaults": True}, {"exclude_none": True}, {}])
def test_methods_survive_a_round_trip_through_json(method: Full | Lora | Lda, options: dict[str, bool]) -> None:
    fewshot = Fewshot(methods=(method,))
    assert Fewshot.model_validate_json(fewshot.model_dump_json(**options)) == fewshot


def test_labels_are_unique() -> None:
    assert len({method.label for method in METHODS.values()}) == len(METHODS)


def test_methods_apply_to_the_problems_that_they_can_handle() -> None:
    applicable = {
        name: {p for p, problem in PROBLEMS.items() if kind().applies_to(problem)} for name, kind in METHODS.items()
    }
    trained = {name for name, problem in PROBLEMS.items() if problem.is_trained}
    assert applicable["full"] == applicable["lora"] == trained
    assert applicable["lda"] == {"classification", "tagging", "multi-label", "choice", "image-text"}
    assert applicable["knn"] == applicable["logreg"] == {"classification", "tagging"}


@pytest.mark.parametrize("name", METHODS)
def test_a_classifier_on_frozen_states_fits_batches_and_never_predicts_a_class_without_examples(name: str) -> None:
    method = METHODS[name]()
    if not isinstance(method, FrozenStatesMethod):
        return
    if isinstance(method, Lda | Logreg):  # by default the shots weigh more and are shifted
        method = type(method)(shots_weight=1, language_offset=False)
    (vectors, labels), (others, _) = cloud(0), cloud(1)

    def scores(*cuts: int, english: bool) -> torch.Tensor:
        batches = list(zip(vectors.tensor_split(cuts), labels.tensor_split(cuts), strict=True))
        first = method.summarise(batches[:1], CLASSES + 1) if english else None
        shots = method.summarise(batches[1:] if english else batches, CLASSES + 1)
        return method.scores(others.reshape(6, 10, -1), method.fit(shots, first, CLASSES + 1))

    whole = scores(english=False)
    assert whole.shape == (6, 10, CLASSES + 1)
    assert whole.argmax(-1).max() < CLASSES
    torch.testing.assert_close(scores(7, 30, english=True), whole, rtol=1e-3, atol=1e-3)


def test_a_repeated_method_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        Fewshot.model_validate({"methods": ["lda", {"method": "lda", "shrinkage": 0.5}]})
    assert [error["loc"] for error in caught.value.errors()] == [("methods",)]


def test_reading_a_recipe_does_not_import_torch() -> None:
    code = "import sys, xstilts.experiment; print([n for n in ('torch', 'transformers', 'peft') if n in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
