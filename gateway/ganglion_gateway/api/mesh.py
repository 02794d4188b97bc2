# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes that show the mesh: as the gateway sees it, and as all of its nodes do together."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from ganglion.mesh import looking
from ganglion.mesh.progress import Tell, listener
from ganglion_gateway import graph
from ganglion_gateway.api.answering import Answering, Document
from ganglion_gateway.api.documents import Document as Body
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.fleet import Node
from ganglion_gateway.jsonable import jsonable
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services


class PingBody(Body):
    """`POST /mesh/ping`."""

    to: str = Field(min_length=1, max_length=64, description="a node's id or name")
    count: int = Field(default=5, ge=1, le=looking.MAX_COUNT)
    size: int = Field(default=0, ge=0, le=looking.MAX_SIZE, description="bytes there and back")
    interval: float = Field(default=1.0, ge=looking.MIN_INTERVAL, le=looking.MAX_INTERVAL, description="seconds")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/mesh", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["mesh"])
    answering = Answering()
    eyes = services.mesh.looking

    def seen() -> Document:
        document = eyes.peers()
        nodes = services.fleet.nodes
        for row in document["peers"]:
            # The broker has given it up, which the gateway alone was told
            if row["over"] == looking.BROKER and row["id"] in nodes and not nodes[row["id"]].online:
                row |= {"over": looking.NOWHERE, "link": "", "next": None}
        return document

    @router.get("/peers", summary="The members, and how the gateway reaches each now")
    async def peers() -> Document:
        return seen()

    @router.get("/routes", summary="The gateway's next hop to each member")
    async def routes_of_the_gateway(
        to: Annotated[str, Query(max_length=64, description="a name or an id; by default all")] = "",
    ) -> Document:
        return eyes.routes(to)

    @router.get("/graph", summary="Members and links, as every node that is online sees its own")
    async def whole(request: Request) -> Response:
        async def one(node: Node) -> Any:
            return jsonable(
                await services.mesh.request("mesh.peers", {}, to=node.id, called=node.name, timeout=graph.EACH)
            )

        async def work() -> Document:
            nodes = list(services.fleet.nodes.values())
            views = await graph.ask([node for node in nodes if node.online], one)
            return graph.merge(seen(), nodes, views)

        return await answering.whole(request, work())

    @router.post("/ping", summary="Ask a node again and again whether it is there; it changes nothing")
    async def ping(request: Request, body: PingBody) -> Response:
        async def work(tell: Tell | None) -> Document:
            listener.set(tell)
            to = services.fleet.find(body.to).id
            return await eyes.ping(to, count=body.count, size=body.size, interval=body.interval)

        return await answering.told(request, work)

    return router
