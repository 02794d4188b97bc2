# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error as a problem document (RFC 9457), whoever raised it, in the language that who asked reads."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ganglion import sentences
from ganglion.errors import (
    GanglionError,
    InvalidError,
    NotFoundError,
    OverError,
    RefusedError,
    UnfitError,
    UnreachableError,
)
from ganglion.sentences import joined, say
from ganglion_gateway import languages
from ganglion_gateway.api import wrong
from ganglion_gateway.store.database import why

_log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
#: What is said in OpenAPI of every answer that is none of the good ones.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "one sentence for people: what is wrong, where, and the remedy"},
        "instance": {"type": "string", "format": "uri-reference"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "message"],
                "properties": {"where": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem (RFC 9457)", "content": {CONTENT_TYPE: {"schema": SCHEMA}}}
}

#: What FastAPI says of a body that it cannot read for another reason than its grammar.
_UNREAD = "There was an error parsing the body"

_STATUS: tuple[tuple[type[GanglionError], int], ...] = (
    (NotFoundError, 404),
    (UnfitError, 422),
    (OverError, 409),
    (RefusedError, 403),
    (InvalidError, 422),
    (UnreachableError, 504),
)


def problem(
    status: int,
    detail: str,
    *,
    instance: str = "",
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that says what is wrong."""
    document = _document(status, detail, instance)
    if errors:
        document["errors"] = errors
    return _Problem(document, status, headers or {})


def of_error(error: GanglionError, *, instance: str) -> dict[str, Any]:
    """The problem that one of our errors is."""
    return _document(_status(error), sentences.of(error), instance)


class _Problem(Response):
    """Told in the language that the request which it answers asks for: who makes it need not know that."""

    media_type = CONTENT_TYPE

    def __init__(self, document: dict[str, Any], status: int, headers: Mapping[str, str]) -> None:
        super().__init__(_json(document), status, headers)
        self._document = document
        self._more = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers."""
        language = languages.accepted(", ".join(Headers(scope=scope).getlist("accept-language")))
        # RFC 9110 sections 8.5 and 12.5.5: a cache is not to give one's language to another
        headers = {**self._more, "content-language": language, "vary": "Accept-Language"}
        told = _json(languages.told(self._document, language))
        await Response(told, self.status_code, headers, self.media_type, self.background)(scope, receive, send)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def away(error: SQLAlchemyError, *, instance: str) -> Response:
    """The answer where the database fails, which the log has the reason of."""
    _log.error("the database cannot be used", path=instance, reason=why(error))
    detail = say("the database cannot be used now: ask again in some seconds; the gateway's log says why")
    return problem(503, detail, instance=instance, headers={"retry-after": "5"})


def _document(status: int, detail: str, instance: str) -> dict[str, Any]:
    document: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    document["detail"] = detail
    if instance:
        document["instance"] = quote(instance, safe="/:@!$&'()*+,;=~")
    return document


def _unread(error: BaseException | None) -> str:
    if isinstance(error, RecursionError):
        return say("it is too deep")
    return (
        say("it is not UTF-8") if isinstance(error, UnicodeDecodeError) else say("it holds a number of too many digits")
    )


def _status(error: GanglionError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 502)


def install(app: FastAPI) -> None:
    """Makes every error of an application a problem."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = wrong.of(request.scope["route"], error.errors())
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not kind.endswith(("/json", "+json")) and [one.where for one in found] == ["body"]:
            detail = say(
                "the body is to be JSON, and it comes as {kind}: say `Content-Type: application/json`", kind=kind[:64]
            )
            accepted = {"accept": "application/json"}  # RFC 9110 section 15.5.16
            return problem(415, detail, instance=request.url.path, headers=accepted)
        missing = [one for one in found if one.missing]
        errors = [{"where": one.where, "message": one.message} for one in missing or found]
        detail = joined("; ", [one.sentence for one in missing or found])
        return problem(404 if missing else 422, detail, instance=request.url.path, errors=errors)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        detail = error.detail
        if error.status_code == 404 and detail == "Not Found":
            detail = say("there is nothing at {path}: GET /openapi.json lists what there is", path=request.url.path)
        elif error.status_code == 400 and detail == _UNREAD:
            detail = say("the body is no JSON: {why}", why=_unread(error.__cause__))
        elif error.status_code == 405:
            detail = say("{path} does not take {method}", path=request.url.path, method=request.method)
        return problem(error.status_code, detail, instance=request.url.path, headers=error.headers)

    @app.exception_handler(GanglionError)
    async def known(request: Request, error: GanglionError) -> Response:
        return problem(_status(error), sentences.of(error), instance=request.url.path)

    @app.exception_handler(PoolTimeoutError)
    @app.exception_handler(OperationalError)
    async def no_database(request: Request, error: OperationalError | PoolTimeoutError) -> Response:
        return away(error, instance=request.url.path)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        # Its body ended early, or was cut by the guard, which then says so in place of this
        return problem(400, say("the request ended before its body did"), instance=request.url.path)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        _log.error("request failed", path=request.url.path, exc_info=error)
        return problem(500, say("the gateway failed here; its log says why"), instance=request.url.path)
