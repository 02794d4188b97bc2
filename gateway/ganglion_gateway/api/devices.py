# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which nodes are let into the mesh and put out of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from ganglion.errors import NotFoundError, RefusedError, UnfitError
from ganglion.sentences import either, say
from ganglion_gateway.api.documents import ApprovalBody, Cursor, Limit, RevocationBody
from ganglion_gateway.api.paging import slice_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import NodeName, Who
from ganglion_gateway.approvals import document
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import fleet
from ganglion_micro import gl1

Fingerprint = Annotated[str, Path(max_length=64, description="a node's fingerprint or id")]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)])

    @router.get("/pending", summary="Nodes that wait to be approved, and the mesh that they name", tags=["enrolment"])
    async def list_pending(limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        waiting, following = slice_of(
            services.approvals.all, lambda one: f"{one.first:020}{one.node_id}", cursor, limit
        )
        authority = services.authority
        return {
            "mesh": authority.mesh_id,
            "root": gl1.base32(authority.root_thumbprint[:16]),
            "pending": [document(one, taken=_taken(services, one.name)) for one in waiting],
            "next": following,
        }

    @router.post("/pending/{node}/approve", summary="Let a node in", tags=["enrolment"])
    async def approve(node: Fingerprint, body: ApprovalBody, who: Who) -> dict[str, Any]:
        one = services.approvals.find(node)
        given = await services.approvals.approve(one, name=body.name or "", tags=body.tags)
        detail = {"name": given.name, "asked_for": one.name, "tags": list(given.tags)}
        await services.note(who, "node.approve", one.node_id, detail)
        services.mesh.decided(one.node_id)
        shown = document(one, taken=_taken(services, given.name))
        return {**shown, "name": given.name, "tags": list(given.tags)}

    @router.post("/nodes/{node}/revoke", summary="Believe a node no more, anywhere, for good", tags=["fleet"])
    async def revoke(node: NodeName, body: RevocationBody, who: Who) -> dict[str, Any]:
        ids, name = _whom(services, node)
        for each in ids:
            services.mesh.revoke(each)
            await services.approvals.dismiss(each)
        at = services.clock()
        services.fleet.revoke(ids[0], at)
        await services.database.write(lambda connection: fleet.revoke_node(connection, ids[0], at))
        await services.groups.look()
        await services.note(who, "node.revoke", ids[0], {"name": name, "reason": body.reason})
        version = services.authority.revocations(now=at).version
        return {"id": ids[0], "name": name, "revoked": at, "version": version}

    return router


def _taken(services: Services, name: str) -> bool:
    return any(node.name == name and node.revoked is None for node in services.fleet.nodes.values())


def _whom(services: Services, who: str) -> tuple[list[str], str]:
    """Every id of the one node that is meant, and its name.

    Raises:
        NotFoundError: there is none.
        UnfitError: there are several.
    """
    nodes = services.fleet.nodes
    named = [node for node in nodes.values() if node.name == who and node.revoked is None]
    if (known := nodes.get(services.fleet.now(who))) is not None:
        return known.ids, known.name
    if len(named) > 1:
        raise UnfitError(
            say(
                "{count} nodes are called {who!r}: say which, {names}",
                count=len(named),
                who=who,
                names=either(n.id for n in named),
            )
        )
    if named:
        return named[0].ids, named[0].name
    try:
        asking = services.approvals.find(who)
    except (NotFoundError, RefusedError):
        asking = None
    if asking is not None:
        return [asking.node_id], asking.name
    try:
        gl1.kid_of(who)  # one that was let in and never came, perhaps
    except ValueError:
        raise NotFoundError(
            say("no node is called {who!r}{instead}", who=who, instead=services.fleet.instead(who))
        ) from None
    return [who], ""
