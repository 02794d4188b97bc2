# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of webhooks that go out, and of their dead letters."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.sentences import say
from ganglion_gateway.api.documents import (
    Cursor,
    Limit,
    RotationBody,
    WebhookBody,
    WebhookChanges,
    page,
    read_cursor,
    webhook_document,
)
from ganglion_gateway.api.paging import page_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import audit, dead_letters, webhooks
from ganglion_gateway.webhook import signature
from ganglion_gateway.webhook.address import check_url

#: Id of the endpoint that the command line names: its secret is in a file.
COMMAND_LINE = "command-line"

EndpointId = Annotated[str, Path(max_length=32)]
MessageId = Annotated[str, Path(max_length=64, description="the `webhook-id`, as `GET /dlq` lists it")]
OfEndpoint = Annotated[str | None, Query(max_length=32, description="only those of this webhook")]

_ATTEMPT = ("at", "took", "status", "error")
_HEAD = ("message", "event", "attempts", "due", "created", "error")
_MESSAGE = ("message", "event", "state", "attempts", "due", "created", "ended")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["webhooks"])
    _endpoints(router, services)
    _dead_letters(router, services)
    return router


def _endpoints(router: APIRouter, services: Services) -> None:
    async def _document(row: dict[str, Any]) -> dict[str, Any]:
        return (await _documents([row]))[0]

    async def _documents(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        counts, heads = await webhooks.counts(services.database), await webhooks.heads(services.database)
        return [_one(row, counts.get(row["id"], {}), heads.get(row["id"])) for row in rows]

    def _one(row: dict[str, Any], counts: dict[str, int], head: dict[str, Any] | None) -> dict[str, Any]:
        state = services.courier.state(row, head)
        lane = None
        if state is not None:
            lane = {"circuit": state.circuit.value, "failures": state.failures, "due": state.due or None}
            lane["error"] = state.error
        return {**webhook_document(row, counts, lane), "head": head and {name: head[name] for name in _HEAD}}

    @router.post("/webhooks", status_code=201, summary="Deliver events to a URL")
    async def create_webhook(body: WebhookBody, who: Who) -> dict[str, Any]:
        url = check_url(body.url, allow_http=body.allow_http, allow_private=body.allow_private)
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
            "paused": False,
            "created": services.clock(),
            "former_secret": None,
            "former_until": None,
        }
        await services.database.write(lambda connection: webhooks.save(connection, row))
        await services.note(who, "webhook.create", row["id"], {"url": url, "classes": row["classes"]})
        services.courier.reload()
        return {**await _document(row), "secret": secret}

    @router.get("/webhooks", summary="Where events are delivered to")
    async def list_webhooks(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        known = await _documents(await webhooks.all_endpoints(services.database))
        return page_of("webhooks", known, lambda one: f"{one['created']:020}{one['id']}", cursor, limit)

    @router.get("/webhooks/{webhook}", summary="One of them")
    async def get_webhook(webhook: EndpointId) -> dict[str, Any]:
        return await _document(await _endpoint(services, webhook))

    @router.patch("/webhooks/{webhook}", summary="Have it be otherwise, pause it or go on")
    async def change_webhook(webhook: EndpointId, body: WebhookChanges, who: Who) -> dict[str, Any]:
        if webhook == COMMAND_LINE:
            raise RefusedError(
                say("the command line says what its webhook is: change it there, and start the gateway anew")
            )
        wanted = {name: value for name, value in body.model_dump().items() if value is not None}
        if not wanted:
            raise InvalidError(say("says nothing to change: name a field"), where="body")

        async def work(connection: AsyncConnection) -> dict[str, Any]:
            before = await webhooks.read(connection, webhook)
            if before is None:
                raise _unknown(webhook)
            row = {**before, **wanted}
            if {"url", "allow_http", "allow_private"} & wanted.keys():
                check_url(row["url"], allow_http=row["allow_http"], allow_private=row["allow_private"])
            row["classes"] = list(dict.fromkeys(row["classes"]))
            row["name"] = row["name"] or row["url"]
            changed = {name: row[name] for name in wanted if row[name] != before[name]}
            if changed:
                await webhooks.change(connection, webhook, changed)
            if "url" in changed or changed.get("paused") is False:
                await webhooks.anew(connection, webhook, services.clock())
            if changed:
                action = "edit" if changed.keys() != {"paused"} else "pause" if row["paused"] else "resume"
                await audit.record(
                    connection,
                    at=services.clock(),
                    actor=who.name,
                    action=f"webhook.{action}",
                    target=webhook,
                    detail=changed,
                )
            return row

        row = await services.database.write(work)
        services.courier.reload()
        return await _document(row)

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
                say("the secret of the command line's webhook is in a file: change that, and start the gateway anew")
            )
        keep = body.nanoseconds()
        secret = body.secret or signature.new_secret()
        signature.key_of(secret)
        row = await _endpoint(services, webhook)
        values: dict[str, Any] = {"secret": secret, "former_secret": None, "former_until": None}
        if keep:
            values |= {"former_secret": row["secret"], "former_until": services.clock() + keep}
        row |= values
        await services.database.write(lambda connection: webhooks.change(connection, webhook, values))
        await services.note(who, "webhook.rotate", webhook, {"keep": body.keep})
        services.courier.reload()
        return {**await _document(row), "secret": secret}

    @router.get("/webhooks/{webhook}/messages", summary="What was and is to be delivered")
    async def list_messages(
        webhook: EndpointId,
        limit: Limit = 50,
        cursor: Cursor = None,
        state: Literal["pending", "delivered", "dead"] | None = None,
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
            raise NotFoundError(
                say(
                    "webhook {webhook} has no message {message}: it may have been too old to be kept",
                    webhook=webhook,
                    message=message,
                )
            )
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
    return NotFoundError(
        say("there is no webhook {webhook}: `ganglion webhooks list` shows those there are", webhook=webhook)
    )


def _alive(message: str) -> NotFoundError:
    return NotFoundError(
        say("there is no dead message {message}: `ganglion dlq list` shows those there are", message=message)
    )


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
