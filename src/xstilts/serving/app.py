"""The endpoints as a Starlette application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from xstilts.analysis.names import language_name
from xstilts.errors import UserError, os_error
from xstilts.fitting.model import FittedModel
from xstilts.serving.corrections import Corrections
from xstilts.serving.guard import Guard
from xstilts.serving.inference import Inference
from xstilts.serving.openapi import OPERATIONS, openapi
from xstilts.serving.refusals import RefusedError, error_response, json_response, parse, read_body
from xstilts.serving.schemas import CorrectionRequest, HealthResponse, ModelResponse, PredictRequest, PredictResponse
from xstilts.serving.texts import check_text, read_file

PAGE = Path(__file__).parent / "page"
"""The files of the page. Its scripts are run in the order in which `index.html` names them."""
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HINTS = {404: "/openapi.json lists the endpoints", 405: "/openapi.json lists the methods"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    texts: int
    """Texts per request or file."""
    bytes: int
    """Bytes per request or file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What the endpoints need. The names of the methods are those of `OPERATIONS`."""

    model: FittedModel
    inference: Inference
    corrections: Corrections
    limits: Limits

    async def predict(self, request: Request) -> Response:
        body = parse(await self._body(request, "application/json"), PredictRequest)
        if len(body.texts) > self.limits.texts:
            message = f"the request has {len(body.texts):,} texts, and the limit is {self.limits.texts:,}"
            raise RefusedError(413, message, "send fewer texts at once, or raise --max-texts")
        for number, text in enumerate(body.texts):
            check_text(text, self.model.facts, f"texts.{number}")

        async def is_unwanted() -> bool:
            return request.app.state.is_stopping() or await request.is_disconnected()

        predictions = await self.inference.predict(body.texts, is_unwanted)
        if predictions is None:
            raise RefusedError(503, "the server is stopping", "start it again")
        return json_response(PredictResponse(predictions=predictions))

    async def read_file(self, request: Request) -> Response:
        content = await self._body(request, "application/octet-stream")
        name = request.query_params.get("name", "")
        return json_response(read_file(content, name, self.model.facts, self.limits.texts))

    async def add_correction(self, request: Request) -> Response:
        body = parse(await self._body(request, "application/json"), CorrectionRequest)
        check_text(body.text, self.model.facts, "text")
        return json_response(self.corrections.add(body))

    async def undo_correction(self, request: Request) -> Response:
        number = request.query_params.get("number")
        if number is not None and not number.isdecimal():
            raise RefusedError(422, f"number: {number!r} is no number", "send that of the answer to POST /corrections")
        return json_response(self.corrections.undo(None if number is None else int(number)))

    async def describe_model(self, request: Request) -> Response:
        facts = self.model.facts
        return json_response(
            ModelResponse(
                problem=facts.problem,
                labels=list(facts.labels),
                reads_pairs=facts.reads_pairs,
                columns=facts.columns,
                language=facts.language,
                language_name=language_name(facts.language),
                encoder=facts.encoder,
                precision=facts.calibration.precision,
                least_probability=facts.calibration.least_probability,
                least_similarity=facts.calibration.least_similarity,
                max_texts=self.limits.texts,
                max_bytes=self.limits.bytes,
                corrections_file=str(self.corrections.path),
                corrections=self.corrections.rows,
                version=version("xstilts"),
            )
        )

    async def health(self, request: Request) -> Response:
        return json_response(HealthResponse(status="ok", version=version("xstilts")))

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(openapi())

    async def page(self, request: Request) -> Response:
        path = PAGE / (request.url.path.removeprefix("/") or "index.html")
        return Response(path.read_bytes(), media_type=f"{_MEDIA_TYPES[path.suffix]}; charset=utf-8")

    async def _body(self, request: Request, media_type: str) -> bytes:
        """Raises RefusedError for another content type: browsers send these two elsewhere only with permission."""
        sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent != media_type:
            raise RefusedError(415, f"the content type is {sent or 'missing'}", f"send Content-Type: {media_type}")
        return await read_body(request, self.limits.bytes)


def build_app(model: FittedModel, corrections: Corrections, limits: Limits, *, loopback_only: bool = True) -> Starlette:
    """The application. With `loopback_only`, it only answers requests to a loopback name or address.

    `state.is_stopping` is asked between batches; where it is true, requests end.
    """
    inference = Inference(model)
    endpoints = Endpoints(model=model, inference=inference, corrections=corrections, limits=limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        inference.close()

    operations = [Route(each.path, getattr(endpoints, each.name), methods=[each.method]) for each in OPERATIONS]
    files = ["/", *(f"/{path.name}" for path in sorted(PAGE.iterdir()) if path.suffix in _MEDIA_TYPES)]
    app = Starlette(
        routes=[*(Route(path, endpoints.page) for path in files), *operations],
        middleware=[Middleware(Guard, loopback_only=loopback_only)],
        exception_handlers={UserError: _refuse, HTTPException: _refuse_http, OSError: _refuse_os, Exception: _fail},
        lifespan=lifespan,
    )
    app.state.is_stopping = lambda: False
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError)
    return error_response(error.status if isinstance(error, RefusedError) else 422, error.message, error.hint)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = error_response(error.status_code, error.detail.lower(), _HINTS.get(error.status_code, ""))
    response.headers.update(error.headers or {})
    return response


async def _refuse_os(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    told = os_error(error)
    return error_response(500, told.message, told.hint)


async def _fail(request: Request, error: Exception) -> Response:
    return error_response(500, "an error inside xstilts", "the terminal of `xstilts serve` shows it")
