"""Every few-shot method is read from recipes and manifests, and named, in one way."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from xstilts.config.recipe import Fewshot
from xstilts.methods import METHODS, parse_method
from xstilts.methods.full import Full
from xstilts.methods.lda import Lda
from xstilts.methods.lora import Lora
from xstilts.problems import PROBLEMS


@pytest.mark.parametrize("name", METHODS)
def test_a_name_and_a_block_are_the_method_with_its_defaults(name: str) -> None:
    method = METHODS[name]()
    assert method == parse_method(name) == parse_method({"method": name})
    assert (method.name, str(method)) == (name, name)


@pytest.mark.parametrize("method", [Full(), Lora(), Lora(rank=3), Lda(shrinkage=0.5)])
@pytest.mark.parametrize("without", [{"exclude_defaults": True}, {"exclude_none": True}, {}])
def test_what_is_written_is_read_again(method: Full | Lora | Lda, without: dict[str, bool]) -> None:
    fewshot = Fewshot(methods=(method,))
    assert Fewshot.model_validate_json(fewshot.model_dump_json(**without)) == fewshot


def test_labels_tell_methods_apart() -> None:
    assert len({method.label for method in METHODS.values()}) == len(METHODS)


def test_methods_that_train_suit_whatever_is_trained() -> None:
    suited = {
        name: {p for p, problem in PROBLEMS.items() if kind().applies_to(problem)} for name, kind in METHODS.items()
    }
    trained = {name for name, problem in PROBLEMS.items() if problem.trained}
    assert suited["full"] == suited["lora"] == trained
    assert suited["lda"] == {"classification", "tagging"}


def test_a_method_stands_once_in_a_recipe() -> None:
    with pytest.raises(ValidationError) as caught:
        Fewshot.model_validate({"methods": ["lda", {"method": "lda", "shrinkage": 0.5}]})
    assert [error["loc"] for error in caught.value.errors()] == [("methods",)]


def test_reading_a_recipe_does_not_import_torch() -> None:
    code = "import sys, xstilts.experiment; print([n for n in ('torch', 'transformers', 'peft') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
