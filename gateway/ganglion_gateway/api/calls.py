# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which methods of nodes are called. Who hangs up cancels the call, on the node too.

What only looks is a GET, open to every token. Anything else is a POST, for those that may change something, and is
written into the audit. With `Accept: application/x-ndjson` the answer is lines: `{"progress": …}` as the node says how
far it is, then `{"ok": true, "result": …}` or `{"problem": …}` (RFC 9457); empty lines in between say that it goes on.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ganglion import sentences
from ganglion.errors import NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.progress import Progress, Tell
from ganglion.mesh.reading import OWN, READING
from ganglion.sentences import Sentence, joined, say
from ganglion.units import SECOND
from ganglion_gateway.access.tokens import Principal
from ganglion_gateway.api.answering import Answering, Document
from ganglion_gateway.api.documents import CommandBody
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import NodeName, Who
from ganglion_gateway.fleet import Node
from ganglion_gateway.jsonable import jsonable
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services

#: Methods of a node's console, which are told who asks; and those of them that are no news for the audit: that somebody
#: has opened a session or entered a line is, and not each look at what came.
_CONSOLE = "console."
_UNNOTED = frozenset({"console.read", "console.input", "console.write", "console.set"})


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["fleet"])
    answering = Answering()

    @router.get("/nodes/{node}/calls/{method}", summary="Ask a node what it only looks up")
    async def look(
        request: Request,
        node: NodeName,
        method: Annotated[str, Path(max_length=64)],
        timeout: Annotated[float, Query(gt=0, le=300, description="seconds")] = 10.0,
    ) -> Response:
        known = _standing(services.fleet.find(node))
        if method not in READING:
            names = ", ".join(sorted(READING))
            raise NotFoundError(
                say(
                    "{method!r} does not only look: POST it to /api/v1/nodes/{node}/commands; {names} do",
                    method=method,
                    node=node,
                    names=names,
                )
            )

        async def work(tell: Tell | None) -> Document:
            result = await _asked(services, known, node, method, {}, timeout, tell)
            return {"ok": True, "result": _callable(result) if method == "methods" else jsonable(result)}

        return await answering.told(request, work)

    @router.post("/nodes/{node}/commands", summary="Ask a node and wait for its answer")
    async def command(request: Request, node: NodeName, body: CommandBody, who: Who) -> Response:
        if body.method.startswith(_CONSOLE) and not who.may("debug"):
            raise RefusedError(say("{name} opens no console: that asks for the scope 'debug'", name=who.name))
        known = _standing(services.fleet.find(node))
        if body.method in OWN:
            raise RefusedError(say("{method!r} is what the gateway itself asks of nodes", method=body.method))
        return await answering.told(request, lambda tell: _command(services, known, node, body, who, tell))

    @router.get("/mesh/statistics", summary="How the gateway's own membership of the mesh goes", tags=["mesh"])
    async def statistics() -> Document:
        return services.mesh.statistics()

    return router


def _standing(node: Node) -> Node:
    """The node, which must not have been put out of the mesh: it would not answer, and nobody believe it."""
    if node.revoked is not None:
        raise RefusedError(say("{name} ({id}) was revoked: it is in the mesh no more", name=node.name, id=node.id))
    return node


async def _command(
    services: Services, node: Node, called: str, body: CommandBody, who: Principal, tell: Tell | None
) -> Document:
    outcome = "failed"
    params = {**body.params, "by": who.name} if body.method.startswith(_CONSOLE) else body.params
    try:
        result = await _asked(services, node, called, body.method, params, body.timeout, tell)
        outcome = "ok"
    except asyncio.CancelledError:
        outcome = "cancelled"
        raise
    finally:
        if body.method not in _UNNOTED and not is_renewal(body.method, body.params):
            # Only the names of the parameters: one of them may be the password of a network
            detail = {"method": body.method, "params": sorted(body.params), "outcome": outcome}
            await services.note(who, "node.command", node.id, detail)
    return {"ok": True, "result": _callable(result) if body.method == "methods" else jsonable(result)}


def is_renewal(method: str, params: dict[str, Any]) -> bool:
    """Whether a script that is edited is to run on, on the node or a leaf of it.

    That is asked for every few seconds, and is no news for the audit; that it began and ended is.
    """
    given = params.get("params")
    if method == "leaf.call" and isinstance(given, dict):
        method, params = str(params.get("method")), given
    return method == "scripts.live" and bool(params.get("seconds"))


async def _asked(
    services: Services,
    node: Node,
    called: str,
    method: str,
    params: dict[str, Any],
    timeout: float,
    tell: Tell | None,
) -> Any:
    """What a node answers. Of one that is away it is said at once, for the call waits until its time is over.

    Raises: see `MeshClient.request`.
    """
    if tell is not None and (away := _away(services, node)):
        tell(
            Progress(
                text=say(
                    "{away}; the call waits {seconds:g} s at most for it to come back", away=away[0], seconds=timeout
                )
            )
        )
    try:
        return await services.mesh.request(method, params, to=node.id, called=called, timeout=timeout, on_progress=tell)
    except UnreachableError as error:
        away = _away(services, node)
        raise UnreachableError(joined("; ", [sentences.of(error), *away])) from None


def _away(services: Services, node: Node) -> list[Sentence]:
    """Since when a node is offline; nothing of one that is there."""
    if node.online:
        return []
    ago = _ago(max(0, services.clock() - node.last_seen) // SECOND)
    return [say("{name} is offline, and was last heard {ago}", name=node.name, ago=ago)]


def _ago(seconds: int) -> Sentence:
    if seconds < 2:
        return say("just now")
    if seconds < 60:
        return say("{count} s ago", count=seconds)
    if seconds < 3600:
        return say("{count} min ago", count=seconds // 60)
    if seconds < 86400:
        return say("{count} h ago", count=seconds // 3600)
    return say("{count} d ago", count=seconds // 86400)


def _callable(result: Any) -> Any:
    """What a node answers to `methods`, without those that are not for who asks through the API."""
    listed = result.get("methods") if isinstance(result, dict) else None
    if not isinstance(listed, list):
        return jsonable(result)
    return {"methods": [jsonable(each) for each in listed if isinstance(each, dict) and each.get("name") not in OWN]}
