# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes under /api/v1."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request

from ganglion.errors import InvalidError, NotFoundError
from ganglion.event import Event
from ganglion.sentences import say
from ganglion.units import duration
from ganglion_gateway import verdict
from ganglion_gateway.access.tokens import Principal
from ganglion_gateway.api.documents import (
    MAX_PAGE,
    Cursor,
    EnrolKeyBody,
    Limit,
    enrol_key_document,
    event_document,
    node_document,
    page,
    read_cursor,
    write_cursor,
)
from ganglion_gateway.api.forms import EVENT, KEY
from ganglion_gateway.api.paging import page_of, slice_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.selection import Selection, selected
from ganglion_gateway.api.watch import Where, read_where
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import asking, audit, events, fleet, successors
from ganglion_gateway.traces import trace_of
from ganglion_micro import gl1

#: Events that one page with a filter looks at.
_LOOK = 2000
#: The longest that an enrol key may hold, in nanoseconds.
_MAX_TTL = duration("90d")

Health = Annotated[
    Literal["revoked", "away", "bad", "warning", "asleep", "ok"] | None, Query(description="those that are so")
]
NodeName = Annotated[str, Path(max_length=64, description="a node's id or name")]
EventId = Annotated[str, Path(max_length=64, pattern=EVENT)]
EnrolKeyId = Annotated[str, Path(pattern=KEY, description="as `GET /enrol-keys` lists it")]


def _who(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


Who = Annotated[Principal, Depends(_who)]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)])
    _nodes(router, services)
    _events(router, services)
    _enrol_keys(router, services)
    _audit(router, services)
    return router


def _nodes(router: APIRouter, services: Services) -> None:
    @router.get("/nodes", summary="Every node", tags=["fleet"])
    async def list_nodes(
        where: Selection = None, health: Health = None, limit: Limit = 100, cursor: Cursor = None
    ) -> dict[str, Any]:
        now, nodes = services.clock(), selected(services.fleet, where)
        if health is not None:
            nodes = [node for node in nodes if verdict.health(node, now) == health]
        found, following = slice_of(nodes, lambda node: f"{node.name}\n{node.id}", cursor, limit)
        releases = await services.releases.documents(found)
        documents = [{**node_document(node, now), "release": releases[node.id]} for node in found]
        return {"nodes": documents, "next": following}

    @router.get("/members", summary="Who may be on the broker: each node that was let in, born or not", tags=["fleet"])
    async def list_members(limit: Limit = MAX_PAGE, cursor: Cursor = None) -> dict[str, Any]:
        nodes = services.fleet.nodes
        names = dict.fromkeys(await services.enrol_keys.joined(), "")
        names |= await asking.granted(services.database)
        names |= {node.id: node.name for node in nodes.values()}
        following = await successors.of(services.database)
        out = services.authority.revocations(now=services.clock()).until
        members = [
            {
                "id": id,
                "name": name,
                "former": nodes[id].former if id in nodes else [],
                "next": [new for new in following.get(id, []) if new not in nodes],
            }
            for id, name in sorted(names.items())
            if gl1.kid_of(id) not in out  # a key before a rotation is on the list, too: it is its successor's
        ]
        return {"mesh": services.mesh.mesh_id, **page_of("members", members, lambda one: one["id"], cursor, limit)}

    @router.get("/nodes/{node}", summary="One node", tags=["fleet"])
    async def get_node(node: NodeName) -> dict[str, Any]:
        known = services.fleet.find(node)
        return {**node_document(known, services.clock()), "release": await services.releases.document(known)}

    @router.get(
        "/nodes/{node}/readings",
        summary="What a sensor read, oldest first; `next` is of what was before",
        tags=["fleet"],
    )
    async def get_readings(
        node: NodeName,
        sensor: Annotated[str, Query(max_length=128)],
        since: Annotated[int, Query(ge=0, lt=2**63, description="nanoseconds since the Unix epoch")] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        known = services.fleet.find(node)
        if sensor not in known.sensors:
            names = ", ".join(sorted(known.sensors)) or say("none yet")
            raise NotFoundError(
                say("{name} has no sensor {sensor!r}; it has {names}", name=known.name, sensor=sensor, names=names)
            )
        rows = await fleet.history(
            services.database, known.ids, sensor, since=since, before=read_cursor(cursor), limit=limit
        )
        readings = [[row["timestamp"], row["value"] if row["number"] is None else row["number"]] for row in rows]
        unit, following = known.sensors[sensor].unit, write_cursor(rows[0]["timestamp"]) if len(rows) == limit else None
        return {"node": known.id, "sensor": sensor, "unit": unit, "readings": readings, "next": following}

    @router.get(
        "/nodes/{node}/episodes/{run}", summary="What a run of a script did; `last` for the last", tags=["fleet"]
    )
    async def get_episode(node: NodeName, run: Annotated[str, Path(max_length=64)]) -> dict[str, Any]:
        known = services.fleet.find(node)
        found = await events.episode(services.database, known.ids, None if run == "last" else run)
        if found is None:
            what = say("told of no run yet") if run == "last" else say("not told of a run {run}", run=run)
            raise NotFoundError(
                say("{name} has {what}; runs that stay within a node are not told", name=known.name, what=what)
            )
        return found


def _events(router: APIRouter, services: Services) -> None:
    @router.get("/events", summary="Events, newest first", tags=["events"])
    async def list_events(
        limit: Limit = 50,
        cursor: Cursor = None,
        cls: Annotated[str | None, Query(alias="class", max_length=32)] = None,
        node: Annotated[str | None, Query(max_length=64, description="a node's id or name")] = None,
        where: Where = None,
    ) -> dict[str, Any]:
        wanted = None if node is None else services.fleet.find(node).ids
        matching, before = read_where(where), read_cursor(cursor)
        # A filter that little passes gives short pages, and `next` goes on behind what was looked at
        look = limit if matching is None else _LOOK
        rows = await events.page(services.database, cls=cls, node=wanted, before=before, limit=look)
        found = [row for row in rows if matching is None or matching.passes(_event_of(row))][:limit]
        seen = found if len(found) == limit else rows
        more = len(found) == limit or len(rows) == look
        following = write_cursor(seen[-1]["number"]) if seen and more else None
        return {"events": [event_document(row) for row in found], "next": following}

    @router.get("/events/{event}", summary="One event", tags=["events"])
    async def get_event(event: EventId) -> dict[str, Any]:
        return event_document(await _event(event))

    @router.get("/traces/last", summary="The path of the last alert", tags=["events"])
    async def last_trace() -> dict[str, Any]:
        row = await events.last(services.database, "alert")
        if row is None:
            raise NotFoundError(say("there was no alert yet"))
        return await trace_of(services, row)

    @router.get("/traces/{event}", summary="The path of an event, from sensor to webhook", tags=["events"])
    async def get_trace(event: EventId) -> dict[str, Any]:
        return await trace_of(services, await _event(event))

    async def _event(identity: str) -> dict[str, Any]:
        row = await events.find(services.database, identity)
        if row is None:
            raise NotFoundError(say("there is no event {identity}", identity=identity))
        return row


def _event_of(row: dict[str, Any]) -> Event:
    return Event(row["topic"], row["value"], row["timestamp"], row["source"])


def _enrol_keys(router: APIRouter, services: Services) -> None:
    @router.post("/enrol-keys", status_code=201, summary="Make a key that lets nodes join", tags=["enrolment"])
    async def create_enrol_key(body: EnrolKeyBody, who: Who) -> dict[str, Any]:
        ttl = duration(body.ttl, where="ttl")
        if not 0 < ttl <= _MAX_TTL:
            raise InvalidError(say("an enrol key holds for at most 90d"), where="ttl")
        now = services.clock()
        key, row = await services.database.write(
            lambda connection: services.enrol_keys.create(
                connection, name=body.name, tags=body.tags, uses=body.uses, created=now, expires=now + ttl
            )
        )
        await services.note(who, "enrol_key.create", row["id"], {"uses": body.uses, "ttl": body.ttl, "tags": body.tags})
        return {"key": key.text, "mesh": key.mesh_id, **enrol_key_document(row)}

    @router.post("/enrol-keys/{key}/revoke", summary="Let nobody join by it any more", tags=["enrolment"])
    async def revoke_enrol_key(key: EnrolKeyId, who: Who) -> dict[str, Any]:
        row = await services.enrol_keys.revoke(key)
        if row is None:
            raise NotFoundError(say("there is no enrol key {key}", key=key))
        await services.note(who, "enrol_key.revoke", key, {"uses_left": row["uses_left"]})
        return enrol_key_document(row)

    @router.get("/enrol-keys", summary="Every key that lets nodes join", tags=["enrolment"])
    async def list_enrol_keys(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        keys = [enrol_key_document(row) for row in await services.enrol_keys.all()]
        return page_of("enrol_keys", keys, lambda key: f"{2**63 - key['created']:020}{key['id']}", cursor, limit)


def _audit(router: APIRouter, services: Services) -> None:
    @router.get("/audit", summary="Who did what, newest first", tags=["audit"])
    async def list_audit(
        limit: Limit = 50, cursor: Cursor = None, action: Annotated[str | None, Query(max_length=64)] = None
    ) -> dict[str, Any]:
        rows = await audit.page(services.database, action=action, before=read_cursor(cursor), limit=limit)
        fields = ("at", "actor", "action", "target", "detail")
        return page("entries", rows, [{name: row[name] for name in fields} for row in rows], limit)
