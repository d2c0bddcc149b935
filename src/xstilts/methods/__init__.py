"""The few-shot methods. Each has its own file and is listed in the union below."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, TypeAdapter

from xstilts.methods.auto import Auto
from xstilts.methods.average import Average
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.full import Full
from xstilts.methods.head import Head
from xstilts.methods.joint import Joint
from xstilts.methods.knn import Knn
from xstilts.methods.lda import Lda
from xstilts.methods.logreg import Logreg
from xstilts.methods.lora import Lora
from xstilts.methods.method import FewshotMethod
from xstilts.problems import Problem

_AnyMethod = Full | Head | Lora | Joint | Average | Lda | Knn | Logreg | Auto

METHODS: dict[str, type[FewshotMethod]] = {kind.model_fields["method"].default: kind for kind in get_args(_AnyMethod)}
"""By the name used in recipes and scores."""


def closed_form_head(problem: Problem[Any]) -> FrozenStatesMethod:
    """The method of the arm `frozen`, of a head's start and of `refit`: logistic regression for the classes of texts,
    otherwise linear discriminant analysis, whose cost does not grow with the number of words or choices."""
    return Logreg() if problem.has_classes and problem.head == "sequence" else Lda()


def _as_block(value: Any) -> Any:
    """A bare name means the default settings."""
    return {"method": value} if isinstance(value, str) else value


Method = Annotated[
    Annotated[_AnyMethod, Field(discriminator="method")],
    BeforeValidator(_as_block, json_schema_input_type=str | _AnyMethod),
]
"""A method with its settings: in a recipe its name, or a block such as `{method: lda, shrinkage: 0.5}`."""

_ADAPTER: TypeAdapter[FewshotMethod] = TypeAdapter(Method)


def parse_method(settings: object) -> FewshotMethod:
    """A method from its name, or from the settings in a manifest. Raises pydantic's ValidationError."""
    return _ADAPTER.validate_python(settings)
