"""The endpoints and their description as OpenAPI 3.1, generated from `schemas`."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from xstilts.config.training import Frozen
from xstilts.serving import schemas

OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of a path. `name` is that of the method of `Endpoints` that answers it."""

    method: str
    path: str
    name: str
    summary: str
    response: type[Frozen] | None
    """None for the OpenAPI document."""
    request: type[Frozen] | None = None
    reads_file: bool = False
    query: tuple[str, str, bool] | None = None
    """Name and description of a parameter, and whether it is required."""
    errors: tuple[int, ...] = ()


OPERATIONS = (
    Operation(
        method="POST",
        path="/predict",
        name="predict",
        summary="Predict the labels of texts.",
        request=schemas.PredictRequest,
        response=schemas.PredictResponse,
        errors=(400, 403, 413, 415, 422, 503),
    ),
    Operation(
        method="POST",
        path="/file",
        name="read_file",
        summary="The texts of a file, which is not kept.",
        reads_file=True,
        query=("name", "The name of the file; its end says which format it has.", True),
        response=schemas.FileTexts,
        errors=(403, 413, 415, 422),
    ),
    Operation(
        method="POST",
        path="/corrections",
        name="add_correction",
        summary="Save the right label of a text in the corrections file.",
        request=schemas.CorrectionRequest,
        response=schemas.CorrectionResponse,
        errors=(400, 403, 413, 415, 422),
    ),
    Operation(
        method="DELETE",
        path="/corrections/last",
        name="undo_correction",
        summary="Undo the last correction since the start of the server.",
        query=("number", "The number of the correction; another one is then not undone.", False),
        response=schemas.CorrectionResponse,
        errors=(403, 404, 409, 422),
    ),
    Operation(
        method="GET",
        path="/model",
        name="describe_model",
        summary="What the model reads and predicts, and the limits of the server.",
        response=schemas.ModelResponse,
    ),
    Operation(
        method="GET",
        path="/health",
        name="health",
        summary="Whether the server answers.",
        response=schemas.HealthResponse,
    ),
    Operation(
        method="GET", path="/openapi.json", name="openapi", summary="This document, in OpenAPI 3.1.", response=None
    ),
)
_MEANINGS = {
    400: "The body is no JSON.",
    403: "The request comes from a page of another origin.",
    404: "There is nothing to undo.",
    409: "The last correction is another one, or the file was changed.",
    413: "Too many texts or bytes.",
    415: "Another content type is needed.",
    421: "The host is not this server's.",
    422: "The values cannot be used.",
    503: "The server is stopping.",
}


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    used = [model for each in OPERATIONS for model in (each.request, each.response) if model is not None]
    models = list(dict.fromkeys([*used, schemas.ErrorResponse]))
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "xstilts serve", "version": version("xstilts")},
        "paths": paths,
        "components": {"schemas": definitions["$defs"]},
    }


def _operation(each: Operation) -> dict[str, Any]:
    content = _json(each.response) if each.response else {"application/json": {"schema": {"type": "object"}}}
    responses: dict[str, Any] = {"200": {"description": "Success.", "content": content}}
    for status in (*each.errors, 421):
        responses[str(status)] = {"description": _MEANINGS[status], "content": _json(schemas.ErrorResponse)}
    operation: dict[str, Any] = {"operationId": each.name, "summary": each.summary, "responses": responses}
    if each.request is not None:
        operation["requestBody"] = {"required": True, "content": _json(each.request)}
    if each.reads_file:
        operation["requestBody"] = {"required": True, "content": {OCTETS: {}}}
    if each.query is not None:
        name, description, required = each.query
        schema = {"type": "string"}
        parameter = {"name": name, "in": "query", "description": description, "required": required, "schema": schema}
        operation["parameters"] = [parameter]
    return operation


def _json(model: type[Frozen]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
