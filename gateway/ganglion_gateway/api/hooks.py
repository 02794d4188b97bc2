# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of webhooks that come in: `/hooks/…` is for anybody who can sign, the rest for operators."""

import asyncio
import math
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from ganglion import sentences
from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.sentences import say
from ganglion_gateway import languages
from ganglion_gateway.api.documents import Cursor, Document, Limit, Name, RotationBody, Word
from ganglion_gateway.api.paging import page_of
from ganglion_gateway.api.payload import MAX_BYTES, REQUEST_BODY, payload
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.reading import Reader
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import hooks
from ganglion_gateway.webhook import signature
from ganglion_gateway.webhook.hooks import BusyError, ReplayError
from ganglion_gateway.webhook.incoming import Scheme, UnverifiedError, check_secret
from ganglion_micro.topic import is_name

HookId = Annotated[str, Path(max_length=32, description="as `GET /hooks` lists it")]
#: Bytes of a body that goes to a node: a node takes values of so many.
_TO_NODE = 48 * 1024
#: Seconds that a body may take to come.
_PATIENCE = 10.0
#: Classes that tell of what nodes did; nobody else may tell so.
_RESERVED = frozenset({"episode", "guardian"})
_FIELDS = ("id", "name", "scheme", "header", "topic", "node", "rate", "created", "former_until")


class HookBody(Document):
    """`POST /hooks`."""

    name: Name
    scheme: Scheme = Field(default=Scheme.STANDARD, description="standard: Standard Webhooks; hmac: of the body alone")
    header: Word = Field(default="x-hub-signature-256", description="where `hmac` has its signature")
    secret: str | None = Field(default=None, max_length=128, description="one is made where none is given")
    topic: str | None = Field(default=None, max_length=256, description="of its events; default: hook/NAME")
    cls: Word = Field(default="hook", alias="class", max_length=32)
    node: str = Field(default="", max_length=64, description="whom its events are carried to, by name or id")
    rate: int = Field(default=120, ge=1, le=600, description="messages a minute")


def routes(services: Services) -> APIRouter:
    """Both routers."""
    router = APIRouter(responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["hooks"])
    _configuration(router, services)
    _receiving(router, services)
    return router


def _configuration(router: APIRouter, services: Services) -> None:
    @router.post("/api/v1/hooks", status_code=201, summary="Take events of somebody who signs them")
    async def create_hook(body: HookBody, who: Who, reader: Reader) -> dict[str, Any]:
        topic = body.topic or f"hook/{body.name}"
        if not is_name(topic):
            raise InvalidError(say("is no topic: it holds no + and no #"), where="topic")
        if body.cls in _RESERVED:
            raise InvalidError(say("only nodes tell of the class {cls!r}", cls=body.cls), where="class")
        secret = body.secret or _new_secret(body.scheme)
        check_secret(body.scheme, secret)
        row: dict[str, Any] = {
            "id": hooks.new_id(),
            "name": body.name,
            "scheme": body.scheme.value,
            "header": body.header.lower() if body.scheme is Scheme.HMAC else "webhook-signature",
            "secret": secret,
            "topic": topic,
            "cls": body.cls,
            "node": body.node,
            "rate": body.rate,
            "created": services.clock(),
            "former_secret": None,
            "former_until": None,
        }
        await services.database.write(lambda connection: hooks.add(connection, row))
        await services.note(who, "hook.create", row["id"], {"name": body.name, "topic": topic, "class": body.cls})
        return {**languages.told(_document(services, row), reader), "secret": secret}

    @router.get("/api/v1/hooks", summary="Who may tell the gateway of events")
    async def list_hooks(reader: Reader, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        known = [languages.told(_document(services, row), reader) for row in await hooks.all_hooks(services.database)]
        return page_of("hooks", known, lambda one: f"{one['created']:020}{one['id']}", cursor, limit)

    @router.post("/api/v1/hooks/{hook}/rotate", summary="Replace its secret; both are believed for a while")
    async def rotate_hook(hook: HookId, body: RotationBody, who: Who, reader: Reader) -> dict[str, Any]:
        row = await hooks.find(services.database, hook)
        if row is None:
            raise _unknown(hook)
        keep, scheme = body.nanoseconds(), Scheme(row["scheme"])
        secret = body.secret or _new_secret(scheme)
        check_secret(scheme, secret)
        until = services.clock() + keep if keep else None
        if not await services.database.write(lambda connection: hooks.rotate(connection, hook, secret, until)):
            raise _unknown(hook)
        await services.note(who, "hook.rotate", hook, {"keep": body.keep})
        document = languages.told(_document(services, {**row, "former_until": until}), reader)
        return {**document, "secret": secret}

    @router.delete("/api/v1/hooks/{hook}", status_code=204, summary="Take nothing more of it")
    async def delete_hook(hook: HookId, who: Who) -> Response:
        if not await services.database.write(lambda connection: hooks.remove(connection, hook)):
            raise _unknown(hook)
        services.hooks.forget(hook)
        await services.note(who, "hook.delete", hook, {})
        return Response(status_code=204)


def _receiving(router: APIRouter, services: Services) -> None:
    @router.post(
        "/hooks/{hook}", summary="Tell of an event", openapi_extra={"requestBody": REQUEST_BODY, "security": []}
    )
    async def receive(hook: HookId, request: Request) -> dict[str, Any]:
        row = await hooks.find(services.database, hook)
        if row is None:
            raise _refused(services, 404, "unknown", say("there is no such hook here"))
        body = await _body(request, _TO_NODE if row["node"] else MAX_BYTES)
        kind = request.headers.get("content-type", "")
        try:
            taken = await services.hooks.take(row, request.headers, body, lambda: payload(body, kind))
        except UnverifiedError as error:
            raise _refused(services, 401, "unverified", sentences.of(error)) from None
        except ReplayError as error:
            raise _refused(services, 409, "replay", sentences.of(error)) from None
        except BusyError as busy:
            headers = {"retry-after": str(math.ceil(busy.after))}
            raise _refused(services, 429, "busy", sentences.of(busy), headers) from None
        services.metrics.hooks.labels("duplicate" if taken.duplicate else "taken").inc()
        return taken._asdict()


def _new_secret(scheme: Scheme) -> str:
    return signature.new_secret() if scheme is Scheme.STANDARD else secrets.token_hex(32)


def _unknown(hook: str) -> NotFoundError:
    return NotFoundError(say("there is no hook {hook}: `ganglion hooks list` shows those there are", hook=hook))


def _refused(
    services: Services, status: int, outcome: str, detail: str, headers: dict[str, str] | None = None
) -> HTTPException:
    services.metrics.hooks.labels(outcome).inc()
    return HTTPException(status, detail, headers)


async def _body(request: Request, most: int) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(_PATIENCE):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise HTTPException(413, say("a message to this hook has at most {most} bytes", most=most))
    except TimeoutError:
        raise HTTPException(408, say("a message to a hook is there within {seconds:g} s", seconds=_PATIENCE)) from None
    return body


def _document(services: Services, row: dict[str, Any]) -> dict[str, Any]:
    """A hook without its secret; `fault` is why its events reach no node, where one is to have them."""
    fault = ""
    if row["node"]:
        try:
            services.fleet.find(row["node"])
        except (NotFoundError, RefusedError) as error:  # it may come yet
            fault = sentences.of(error)
    document = {name: row[name] for name in _FIELDS}
    return {**document, "class": row["cls"], "path": f"/hooks/{row['id']}", "fault": fault}
