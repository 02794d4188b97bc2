# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which scripts on nodes are spoken to."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from starlette.exceptions import HTTPException

from ganglion.errors import UnreachableError
from ganglion.sentences import say
from ganglion_gateway.api.documents import Document
from ganglion_gateway.api.payload import MAX_BYTES, REQUEST_BODY, payload
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import NodeName, Who
from ganglion_gateway.intents.answers import MAX_TEXT
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services

#: Seconds that a caller waits for the runs that come of a webhook; those that take longer go on.
_PATIENCE = 25.0
#: Seconds that a node has for a piece of a script's text, and the pieces that are taken of one.
_ANSWER, _PIECES = 10.0, 50


class FeedbackBody(Document):
    """`POST /intents/feedback`."""

    text: str = Field(min_length=1, max_length=MAX_TEXT)
    intent: str = Field(min_length=1, max_length=128)


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)])

    @router.get("/nodes/{node}/scripts/{name}", summary="The text of a script that a node runs", tags=["scripts"])
    async def text(
        node: NodeName, name: Annotated[str, Path(max_length=80, description="as `scripts.list` of the node has it")]
    ) -> dict[str, Any]:
        known = services.fleet.find(node)
        text, first = "", None
        for _ in range(_PIECES):
            params = {"name": name, "at": len(text)}
            told = await services.mesh.request("scripts.source", params, to=known.id, called=node, timeout=_ANSWER)
            piece, size = told.get("text"), told.get("size")
            if not isinstance(piece, str) or type(size) is not int or (first or told)["hash"] != told.get("hash"):
                break
            text, first = text + piece, first or told
            if not piece or len(text) >= size:
                return {"node": known.id, "name": name, "hash": first["hash"], "file": str(first["file"]), "text": text}
        raise UnreachableError(
            say("{name} did not give the whole text of {script!r}: ask again", name=known.name, script=name)
        )

    @router.post(
        "/nodes/{node}/webhooks/{name}",
        summary="Fire a node's triggers by webhook",
        tags=["fleet"],
        openapi_extra={"requestBody": REQUEST_BODY},
    )
    async def fire(
        node: NodeName,
        name: Annotated[str, Path(max_length=80, description="as the trigger's `webhook`")],
        who: Who,
        request: Request,
    ) -> dict[str, Any]:
        known = services.fleet.find(node)
        value = payload(await _body(request), request.headers.get("content-type", ""))
        params = {"webhook": name, "payload": value}
        result: dict[str, Any] = await services.mesh.request(
            "scripts.webhook", params, to=known.id, called=node, timeout=_PATIENCE
        )
        await services.note(who, "node.webhook", known.id, {"webhook": name, "runs": len(result["runs"])})
        return result

    @router.post("/intents/feedback", status_code=201, summary="Teach which intent a text has", tags=["intents"])
    async def teach(body: FeedbackBody, who: Who) -> dict[str, Any]:
        services.intents.teach(body.text, body.intent)
        await services.note(who, "intent.teach", body.intent, {"text": body.text[:200]})
        return {"text": body.text, "intent": body.intent}

    return router


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise HTTPException(413, say("the body of a webhook has at most {most} bytes", most=MAX_BYTES))
    return body
