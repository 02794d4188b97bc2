# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of webhooks that go out, and of their dead letters."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.units import duration
from ganglion_gateway.api.documents import Cursor, Document, Limit, WebhookBody, page, read_cursor, webhook_document
from ganglion_gateway.api.paging import page_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import dead_letters, webhooks
from ganglion_gateway.webhook import signature
from ganglion_gateway.webhook.address import check_url

#: The longest that a secret signs on after it was replaced, in nanoseconds.
_MAX_KEEP = duration("30d")
#: Id of the endpoint that the command line names: its secret is in a file.
COMMAND_LINE = "command-line"

EndpointId = Annotated[str, Path(max_length=32)]
MessageId = Annotated[str, Path(max_length=64, description="the `webhook-id`, as `GET /dlq` lists it")]
OfEndpoint = Annotated[str | None, Query(max_length=32, description="only those of this webhook")]

_ATTEMPT = ("at", "took", "status", "error")
_MESSAGE = ("message", "event", "state", "attempts", "due", "created", "ended")


class RotationBody(Document):
    """`POST /webhooks/{webhook}/rotate`."""

    secret: str | None = Field(default=None, max_length=128, description="whsec_…; one is made where none is given")
    keep: str = Field(default="24h", max_length=16, description="how long the secret before signs, too: 0s to 30d")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["webhooks"])
    _endpoints(router, services)
    _dead_letters(router, services)
    return router


def _endpoints(router: APIRouter, services: Services) -> None:
    def _document(row: dict[str, Any], counts: dict[str, dict[str, int]]) -> dict[str, Any]:
        state = services.courier.state(row["id"])
        lane = None
        if state is not None:
            lane = {"circuit": state.circuit.value, "failures": state.failures, "due": state.due or None}
            lane["error"] = state.error
        return webhook_document(row, counts.get(row["id"], {}), lane)

    @router.post("/webhooks", status_code=201, summary="Deliver events to a URL")
    async def create_webhook(body: WebhookBody, who: Who) -> dict[str, Any]:
        url = check_url(body.url, allow_http=body.allow_http)
        secret = body.secret or signature.new_secret()
        signature.key_of(secret)
        row: dict[str, Any] = {
            "id": webhooks.new_id(),
            "name": body.name or url,
            "url": url,
            "secret": secret,
            "classes": list(dict.fromkeys(body.classes)),
            "allow_http": body.allow_http,
            "allow_private": body.allow_private,
            "enabled": True,
            "created": services.clock(),
            "former_secret": None,
            "former_until": None,
        }
        await services.database.write(lambda connection: webhooks.save(connection, row))
        await services.note(who, "webhook.create", row["id"], {"url": url, "classes": row["classes"]})
        services.courier.reload()
        return {**_document(row, {}), "secret": secret}

    @router.get("/webhooks", summary="Where events are delivered to")
    async def list_webhooks(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        counts = await webhooks.counts(services.database)
        known = [_document(row, counts) for row in await webhooks.all_endpoints(services.database)]
        return page_of("webhooks", known, lambda one: f"{one['created']:020}{one['id']}", cursor, limit)

    @router.get("/webhooks/{webhook}", summary="One of them")
    async def get_webhook(webhook: EndpointId) -> dict[str, Any]:
        row = await _endpoint(services, webhook)
        return _document(row, await webhooks.counts(services.database))

    @router.delete("/webhooks/{webhook}", status_code=204, summary="Deliver nothing more to it")
    async def delete_webhook(webhook: EndpointId, who: Who) -> Response:
        if not await services.database.write(lambda connection: webhooks.remove(connection, webhook)):
            raise _unknown(webhook)
        await services.note(who, "webhook.delete", webhook, {})
        services.courier.reload()
        return Response(status_code=204)

    @router.post("/webhooks/{webhook}/test", summary="Deliver one event of the class `test` now, once")
    async def test_webhook(webhook: EndpointId, who: Who) -> dict[str, Any]:
        attempt = await services.courier.test(await _endpoint(services, webhook))
        told = {"status": attempt.status, "error": attempt.error, "took": attempt.took}
        await services.note(who, "webhook.test", webhook, told)
        return {"webhook": webhook, "delivered": not attempt.error, **told}

    @router.post("/webhooks/{webhook}/rotate", summary="Replace its secret; both sign for a while")
    async def rotate_webhook(webhook: EndpointId, body: RotationBody, who: Who) -> dict[str, Any]:
        if webhook == COMMAND_LINE:
            raise RefusedError(
                "the secret of the command line's webhook is in a file: change that, and start the gateway anew"
            )
        keep = duration(body.keep, where="keep")
        if not 0 <= keep <= _MAX_KEEP:
            raise InvalidError("a secret that was replaced signs for 30d at most", where="keep")
        secret = body.secret or signature.new_secret()
        signature.key_of(secret)
        row = await _endpoint(services, webhook)
        until = services.clock() + keep
        row |= {"former_secret": row["secret"] if keep else None, "former_until": until if keep else None}
        row["secret"] = secret
        await services.database.write(lambda connection: webhooks.save(connection, row))
        await services.note(who, "webhook.rotate", webhook, {"keep": body.keep})
        services.courier.reload()
        return {**_document(row, await webhooks.counts(services.database)), "secret": secret}

    @router.get("/webhooks/{webhook}/messages", summary="What was and is to be delivered")
    async def list_messages(
        webhook: EndpointId,
        limit: Limit = 50,
        cursor: Cursor = None,
        state: Annotated[str | None, Query(pattern="^(pending|delivered|dead)$")] = None,
    ) -> dict[str, Any]:
        await _endpoint(services, webhook)
        rows = await webhooks.history(services.database, webhook, state=state, before=read_cursor(cursor), limit=limit)
        documents = [{**{name: row[name] for name in _MESSAGE}, "last_attempt": _last(row)} for row in rows]
        return page("messages", rows, documents, limit)

    @router.get("/webhooks/{webhook}/messages/{message}", summary="One of them, with every attempt")
    async def get_message(webhook: EndpointId, message: MessageId) -> dict[str, Any]:
        await _endpoint(services, webhook)
        row = await webhooks.message(services.database, webhook, message)
        if row is None:
            raise NotFoundError(f"webhook {webhook} has no message {message}: it may have been too old to be kept")
        made = await dead_letters.attempts(services.database, row["number"])
        event = {name: row[name] for name in ("topic", "value", "node", "timestamp")}
        return {
            **{name: row[name] for name in _MESSAGE},
            **event,
            "class": row["cls"],
            "attempted": [{name: each[name] for name in _ATTEMPT} for each in made],
        }


def _dead_letters(router: APIRouter, services: Services) -> None:
    @router.get("/dlq", summary="Messages that no endpoint took, newest first")
    async def list_dead(limit: Limit = 50, cursor: Cursor = None, webhook: OfEndpoint = None) -> dict[str, Any]:
        if webhook is not None:
            await _endpoint(services, webhook)
        before = read_cursor(cursor)
        rows = await dead_letters.page(services.database, endpoint=webhook, before=before, limit=limit)
        return page("messages", rows, [_dead(row) for row in rows], limit)

    @router.get("/dlq/{message}", summary="One of them, with every attempt")
    async def get_dead(message: MessageId) -> dict[str, Any]:
        row = await dead_letters.find(services.database, message)
        if row is None:
            raise _alive(message)
        made = await dead_letters.attempts(services.database, row["number"])
        event = {name: row[name] for name in ("topic", "value", "source", "run")}
        return {**_dead(row), **event, "attempted": [{name: each[name] for name in _ATTEMPT} for each in made]}

    @router.post("/dlq/replay", summary="Try all of them again, in order")
    async def replay_all(who: Who, webhook: OfEndpoint = None) -> dict[str, Any]:
        return await _replay(who, webhook, None)

    @router.post("/dlq/{message}/replay", summary="Try one of them again")
    async def replay_one(message: MessageId, who: Who) -> dict[str, Any]:
        return await _replay(who, None, message)

    @router.post("/dlq/drop", summary="Throw all of them away")
    async def drop_all(who: Who, webhook: OfEndpoint = None) -> dict[str, Any]:
        return await _drop(who, webhook, None)

    @router.post("/dlq/{message}/drop", summary="Throw one of them away")
    async def drop_one(message: MessageId, who: Who) -> dict[str, Any]:
        return await _drop(who, None, message)

    async def _replay(who: Who, webhook: str | None, message: str | None) -> dict[str, Any]:
        if webhook is not None:
            await _endpoint(services, webhook)
        now = services.clock()
        count = await services.database.write(
            lambda connection: dead_letters.replay(connection, now, endpoint=webhook, message=message)
        )
        if message is not None and not count:
            raise _alive(message)
        await services.note(who, "dlq.replay", message or webhook or "*", {"messages": count})
        services.courier.wake()
        return {"replayed": count}

    async def _drop(who: Who, webhook: str | None, message: str | None) -> dict[str, Any]:
        if webhook is not None:
            await _endpoint(services, webhook)
        count = await services.database.write(
            lambda connection: dead_letters.drop(connection, endpoint=webhook, message=message)
        )
        if message is not None and not count:
            raise _alive(message)
        await services.note(who, "dlq.drop", message or webhook or "*", {"messages": count})
        return {"dropped": count}


async def _endpoint(services: Services, webhook: str) -> dict[str, Any]:
    row = await webhooks.find(services.database, webhook)
    if row is None:
        raise _unknown(webhook)
    return row


def _unknown(webhook: str) -> NotFoundError:
    return NotFoundError(f"there is no webhook {webhook}: `ganglion webhooks list` shows those there are")


def _alive(message: str) -> NotFoundError:
    return NotFoundError(f"there is no dead message {message}: `ganglion dlq list` shows those there are")


def _dead(row: dict[str, Any]) -> dict[str, Any]:
    fields = ("message", "event", "topic", "node", "timestamp", "attempts", "created", "ended")
    webhook = {"id": row["endpoint"], "name": row["webhook_name"]}
    return {
        **{name: row[name] for name in fields},
        "class": row["cls"],
        "webhook": webhook,
        "last_attempt": _last(row),
    }


def _last(row: dict[str, Any]) -> dict[str, Any] | None:
    return {name: row[name] for name in _ATTEMPT} if row["at"] is not None else None
