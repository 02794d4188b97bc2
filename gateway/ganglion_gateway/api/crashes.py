# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which crashes of nodes and leaves are looked at."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from ganglion.errors import NotFoundError
from ganglion.sentences import say
from ganglion_gateway.api.documents import Cursor, Limit
from ganglion_gateway.api.paging import keyed_page, read_key
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import NodeName
from ganglion_gateway.api.selection import Selection, selected
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import crashes

CrashId = Annotated[str, Path(max_length=32, description="as the list has it; `last` for the last")]
Leaf = Annotated[str, Query(max_length=64, description="of this leaf of the node")]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["fleet"])

    def document(row: dict[str, Any]) -> dict[str, Any]:
        node = services.fleet.now(row["node"])
        told = {name: row[name] for name in ("id", "leaf", "kind", "at", "text", "event")}
        return {**told, "node": node, "name": services.fleet.name(node)}

    async def listed(nodes: list[str] | None, limit: int, cursor: str | None) -> dict[str, Any]:
        rows = await crashes.newest(services.database, nodes=nodes, leaf=None, limit=limit, before=read_key(cursor))
        marked = [{**row, "key": crashes.key(row)} for row in rows]
        return keyed_page("crashes", marked, [document(row) for row in rows], "key", limit)

    @router.get("/crashes", summary="How runs of nodes and leaves ended that crashed, newest first")
    async def list_crashes(where: Selection = None, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        nodes = None if where is None else [id for node in selected(services.fleet, where) for id in node.ids]
        return await listed(nodes, limit, cursor)

    @router.get("/nodes/{node}/crashes", summary="The crashes of one node and its leaves, newest first")
    async def of_node(node: NodeName, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        return await listed(services.fleet.find(node).ids, limit, cursor)

    @router.get("/nodes/{node}/crashes/{crash}", summary="All that is known of a crash")
    async def show(node: NodeName, crash: CrashId, leaf: Leaf = "") -> dict[str, Any]:
        known = services.fleet.find(node)
        row = await crashes.find(services.database, known.ids, leaf, "" if crash == "last" else crash)
        if row is None:
            who = f"{known.name}/{leaf}" if leaf else known.name
            if crash == "last":
                raise NotFoundError(say("no crash of {who} is known", who=who))
            raise NotFoundError(say("no crash {crash} of {who} is known", crash=crash, who=who))
        return {**document(row), "received": row["received"], "record": row["record"]}

    return router
