# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/v1/kv: what all members of the mesh share, as the gateway's own copy has it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion_gateway.api.documents import Document
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.api.watch import Seconds, turns
from ganglion_gateway.jsonable import jsonable
from ganglion_gateway.live import shared
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services

Key = Annotated[str, Path(min_length=1, max_length=256)]
Prefix = Annotated[str, Query(max_length=256, description="of keys")]


class ValueBody(Document):
    """`PUT /kv/keys/{key}`."""

    value: Any


class MemberBody(Document):
    """`POST /kv/keys/{key}`."""

    add: Any = Field(default=None, description="what is to be in the set")
    remove: Any = Field(default=None, description="what is to be in it no more")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/kv", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["mesh"])
    kv = services.mesh.kv

    @router.get("", summary="What all members share, by key")
    async def list_keys(prefix: Prefix = "", after: Annotated[str, Query(max_length=256)] = "") -> Any:
        return jsonable(await kv.list({"prefix": prefix, "after": after}))

    @router.get(
        "/watch",
        summary="Changes as they come, a JSON document a line",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
    )
    async def watch(request: Request, prefix: Prefix = "", seconds: Seconds = None) -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            yield "\n"
            wanted = shared(prefix)
            with services.live.watch("/kv/#", None) as watcher:
                for within in turns(seconds):
                    if services.keyring.holder(request.state.principal.key) is None:
                        return
                    events = await watcher.next(within=within)
                    said = [each for each in events if "dropped" in each or each["topic"].startswith(wanted)]
                    yield "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in said) or "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    @router.get("/keys/{key:path}", summary="What is at a key")
    async def get_key(key: Key) -> Any:
        return jsonable(await kv.get({"key": key}))

    @router.put("/keys/{key:path}", summary="Give a key a value")
    async def set_key(key: Key, body: ValueBody, who: Who) -> Any:
        document = await asyncio.shield(kv.set({"key": key, "value": body.value}))
        await services.note(who, "kv.set", key, {})
        return jsonable(document)

    @router.post("/keys/{key:path}", summary="Put something into a set, or take it out")
    async def change_set(key: Key, body: MemberBody, who: Who) -> Any:
        if len(body.model_fields_set) != 1:
            raise InvalidError(say("say what to `add` or what to `remove`"))
        (verb,) = body.model_fields_set
        params = {"key": key, "member": getattr(body, verb)}
        document = await asyncio.shield(kv.add(params) if verb == "add" else kv.remove(params))
        await services.note(who, f"kv.{verb}", key, {})
        return jsonable(document)

    @router.delete("/keys/{key:path}", status_code=204, summary="Remove what is at a key")
    async def delete_key(key: Key, who: Who) -> Response:
        await asyncio.shield(kv.delete({"key": key}))
        await services.note(who, "kv.delete", key, {})
        return Response(status_code=204)

    return router
