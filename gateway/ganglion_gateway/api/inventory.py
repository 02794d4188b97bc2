# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which a node is explained and tagged."""

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion_gateway import verdict
from ganglion_gateway.api.documents import TagsBody, node_document
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import NodeName, Who
from ganglion_gateway.api.selection import Selection, selected
from ganglion_gateway.dashboard import words
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services

Language = Annotated[Literal["en", "uk"], Query(description="of the findings; the summary is in English")]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["fleet"])

    @router.get("/nodes/{node}/why", summary="Why a node is as it is, in sentences, with what to do")
    async def why(node: NodeName, language: Language = "en") -> dict[str, Any]:
        known, now = services.fleet.find(node), services.clock()
        policy = (services.mesh.policy.version, services.mesh.policy_of(known.id))
        found = verdict.findings(known, now, policy=policy, say=words.speaking(language))
        return {
            "id": known.id,
            "name": known.name,
            "health": verdict.word(found),
            "summary": verdict.summary(known, now),
            "findings": [each.document() for each in found],
        }

    @router.get("/fleet/health", summary="How many nodes are how")
    async def health(where: Selection = None) -> dict[str, Any]:
        now, nodes = services.clock(), selected(services.fleet, where)
        counts = Counter(verdict.health(node, now) for node in nodes)
        return {
            "nodes": len(nodes),
            "online": sum(node.online for node in nodes),
            "health": {word: counts[word] for word in verdict.WORDS},
        }

    @router.post("/nodes/{node}/tags", summary="Give a node tags, or take some away, for selectors and groups")
    async def tag(node: NodeName, body: TagsBody, who: Who) -> dict[str, Any]:
        if not (body.add or body.remove):
            raise InvalidError(say("name tags to add or to remove"), where="add")
        known = services.fleet.find(node)
        await services.inventory.tag(known, add=body.add, remove=body.remove, by=who.name)
        await services.groups.look()
        return node_document(known, services.clock())

    return router
