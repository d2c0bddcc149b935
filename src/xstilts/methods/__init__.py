"""The few-shot methods. Each has its own file and is listed in the union below."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, TypeAdapter

from xstilts.methods.average import Average
from xstilts.methods.full import Full
from xstilts.methods.head import Head
from xstilts.methods.joint import Joint
from xstilts.methods.knn import Knn
from xstilts.methods.lda import Lda
from xstilts.methods.logreg import Logreg
from xstilts.methods.lora import Lora
from xstilts.methods.method import FewshotMethod

_AnyMethod = Full | Head | Lora | Joint | Average | Lda | Knn | Logreg

METHODS: dict[str, type[FewshotMethod]] = {kind.model_fields["method"].default: kind for kind in get_args(_AnyMethod)}
"""By the name used in recipes and scores."""
FROZEN_METHOD: FewshotMethod = Lda()
"""The closed-form head of the baseline on the encoder before target training."""


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
