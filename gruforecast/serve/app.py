"""The routes: forecasts, what the model is, and what a supervisor asks."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException

from gruforecast.serve.docs_page import page
from gruforecast.serve.errors import Refusal
from gruforecast.serve.middleware import App, Body, Gate, failed
from gruforecast.serve.request import max_horizon
from gruforecast.serve.schema import Query
from gruforecast.serve.service import Service
from gruforecast.version import __version__

JSON = "application/json"
REF = "#/components/schemas/{model}"


class Row(BaseModel):
    """The forecast of one series; `lo-80`, `hi-80` and so on are lists like `y_hat`, one pair for each level."""

    model_config = ConfigDict(extra="allow")
    id: str | list[str]
    ds: list[str] = Field(description="Stamps of the steps.")
    y_hat: list[float | None] = Field(description="Forecasts; null where there is none.")


class Answer(BaseModel):
    """Forecasts of all series, in the order in which they were asked for."""

    model: str
    member: str
    levels: list[float]
    forecast: list[Row]
    warnings: list[str]


class Problem(BaseModel):
    """Why there is no forecast."""

    code: str
    message: str
    field: str | None = None


class Refused(BaseModel):
    """An answer other than 200."""

    error: Problem


def make_app(service: Service) -> App:
    """Return the server as an ASGI application, behind its gate."""
    silent = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)
    app = FastAPI(
        title="gruforecast",
        openapi_url=None,
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=silent,  # type: ignore[arg-type] # not sent, whatever the environment says
    )
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(Exception, _refused)
    _add_forecast(app, service)
    _add_state(app, service)
    _add_pages(app)
    return Gate(app, service)


def _add_forecast(app: FastAPI, service: Service) -> None:
    body = {"required": True, "content": {JSON: {"schema": {"$ref": REF.format(model="Query")}}}}
    words = {400: "no JSON", 401: "no token", 408: "too slow", 413: "too large", 415: "another type of content"}
    words |= {421: "another host", 422: "no such forecast", 500: "an error of the server", 503: "too busy"}
    refused: dict[int | str, dict[str, Any]] = {
        status: {"model": Refused, "description": text} for status, text in words.items()
    }

    @app.post(
        "/v1/forecast",
        summary="Forecast series from their rows, or from the end of the training data",
        response_model=None,
        responses={200: {"model": Answer, "description": "forecasts"}, **refused},
        openapi_extra={"requestBody": body},
    )
    async def forecast(request: Request) -> Response:
        _check_content(request)
        reader: Body = request.state.body
        return Response(await service.forecast(await reader.read()), media_type=JSON)


def _check_content(request: Request) -> None:
    """Refuse what a form of another site could send, and bodies that would have to be unpacked."""
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != JSON or charset not in ("", "utf-8"):
        raise Refusal(415, "GF-H05", f"the content must be {JSON} in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "GF-H05", "packed content is not read.")


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/health", summary="Whether the server runs", response_model=None)
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/ready", summary="Whether requests should be sent here", response_model=None)
    async def ready() -> Response:
        if service.stopping:
            raise Refusal(503, "GF-H13", "the server is about to stop.", headers={"retry-after": "1"})
        return JSONResponse({"status": "ready"})

    @app.get("/v1/model", summary="What the model is", response_model=None)
    async def model() -> Response:
        bounds = service.settings.bounds
        limits = {"horizon": max_horizon(service.model, bounds), "series": bounds.series, "rows": bounds.rows}
        return JSONResponse({**service.model.facts(), "limits": {**limits, "body": service.settings.body}})

    @app.get("/metrics", summary="Counts for Prometheus", response_model=None)
    async def metrics() -> Response:
        text = service.metrics.text(waiting=service.worker.waiting, ready=not service.stopping)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _add_pages(app: FastAPI) -> None:
    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(json.dumps(_described(app)), media_type=JSON)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        headers = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(page(_described(app)), headers=headers)


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description, with the query, which is read by hand."""
    whole = get_openapi(title=app.title, version=__version__, routes=app.routes)
    _, schemas = models_json_schema([(Query, "validation")], ref_template=REF)
    whole["components"]["schemas"] |= schemas["$defs"]
    return whole


async def _no_route(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        headers = dict(error.headers or {})
        return await _refused(request, Refusal(405, "GF-H04", "this method is not for this path.", headers=headers))
    return await _refused(request, Refusal(404, "GF-H03", "there is no such path."))


async def _refused(_: Request, error: Exception) -> Response:
    refusal = error if isinstance(error, Refusal) else failed(error)
    headers = {**refusal.headers, "connection": "close"} if refusal.close else refusal.headers
    return Response(refusal.body(), refusal.status, headers, JSON)
