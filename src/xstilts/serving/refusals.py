"""Requests that are refused, as JSON with a message and a hint."""

from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from xstilts.config.training import Frozen
from xstilts.errors import UserError
from xstilts.serving.schemas import ErrorResponse

Model = TypeVar("Model", bound=Frozen)


class RefusedError(UserError):
    """A request that is answered with `status` and an `ErrorResponse`."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status


def json_response(value: Frozen, status: int = 200) -> Response:
    return Response(value.model_dump_json(), status, media_type="application/json")


def error_response(status: int, message: str, hint: str = "") -> Response:
    return json_response(ErrorResponse(message=message, hint=hint), status)


async def read_body(request: Request, limit: int) -> bytes:
    """The body. Raises RefusedError (413) if it has more than `limit` bytes.

    A client that is still sending would not see the answer, so what is over the limit is read too, but not kept; the
    connection of a much larger request ends.
    """
    most = 4 * limit
    declared = request.headers.get("content-length", "")
    too_large = RefusedError(
        413, f"the request has more than {limit:,} bytes", "send less at once, or raise --max-bytes"
    )
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    body, size = bytearray(), 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= limit:
                body += chunk
            elif size > most:
                break
    except ClientDisconnect:
        raise RefusedError(400, "the request is incomplete", "send all of its body") from None
    if size > limit:
        raise too_large
    return bytes(body)


def parse(body: bytes, model: type[Model]) -> Model:
    """The body as `model`. Raises RefusedError: 400 if it is no JSON, 422 if it has another form."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        fields = ", ".join(model.model_fields)
        if first["type"] == "json_invalid":
            raise RefusedError(
                400,
                f"the body is no JSON: {first['msg'].removeprefix('Invalid JSON: ')}",
                f"send an object with {fields}",
            ) from None
        extra = first["loc"] if first["type"] == "extra_forbidden" else ()
        known = (*model.model_fields, *extra)
        place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in known)
        message = f"{place}: {first['msg']}" if place else first["msg"]
        raise RefusedError(422, message, f"send an object with {fields}; /openapi.json describes them") from None
