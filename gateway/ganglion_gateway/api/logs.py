# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which logs of nodes are read: what is kept of warnings and errors, and everything as it comes."""

import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from ganglion.errors import InvalidError, RefusedError
from ganglion.sentences import say
from ganglion_gateway.api.documents import Cursor, Limit, page, read_cursor
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.selection import Selection, selected
from ganglion_gateway.api.watch import LINES, Seconds, turns
from ganglion_gateway.following import Followings, Target, What, log_document
from ganglion_gateway.leaves import source_of
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import logs

#: Who follows at the same time, and how often one of them, so that nobody shuts out everybody else.
_FOLLOWERS = 256
_OF_ONE = 16

Level = Literal["debug", "info", "warning", "error"]
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
Since = Annotated[int, Query(ge=0, lt=2**63, description="nanoseconds since the Unix epoch")]
Node = Annotated[str | None, Query(max_length=128, description="a node's id or name, or PARENT/LEAF")]

Containing = Annotated[str, Query(max_length=256, description="what the text or the logger has in it")]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["logs"])
    followers: Counter[str] = Counter()
    followings = Followings(services.fleet, services.mesh)

    @router.get("/logs", summary="Warnings and errors of nodes and leaves that are kept here, newest first")
    async def kept(
        where: Selection = None,
        node: Node = None,
        since: Since = 0,
        level: Level = "warning",
        text: Containing = "",
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        nodes, logger = None, ""
        if node is not None or where is not None:
            targets = _targets(services, where, node)
            nodes = [id for target in targets for id in services.fleet.nodes[target.node].ids]
            logger = next((source_of(target.leaf) for target in targets if target.leaf), "")
        rows = await logs.page(
            services.database,
            nodes=nodes,
            logger=logger,
            since=since,
            level=_LEVELS[level],
            before=read_cursor(cursor),
            limit=limit,
            containing=text,
        )
        return page("records", rows, [log_document(services.fleet, row) for row in rows], limit)

    @router.get(
        "/logs/watch",
        summary="What nodes log, as they do, a JSON document a line",
        response_class=StreamingResponse,
        responses=LINES,
    )
    async def follow(
        request: Request,
        where: Selection = None,
        node: Node = None,
        level: Level = "info",
        seconds: Seconds = None,
    ) -> StreamingResponse:
        principal = request.state.principal

        def check() -> None:
            if followers[principal.key] >= _OF_ONE:
                raise RefusedError(
                    say(
                        "{name} follows logs {most} times already: let one of them end",
                        name=principal.name,
                        most=_OF_ONE,
                    )
                )
            if followers.total() >= _FOLLOWERS:
                raise RefusedError(
                    say(
                        "{most} logs are followed already: let one of them end, or see what is kept",
                        most=_FOLLOWERS,
                    )
                )
            followings.check(what)

        targets = _targets(services, where, node)  # who asks for nonsense is told so before the stream begins
        what = What(targets[0] if node is not None else None, where or "", level)
        check()

        async def lines() -> AsyncIterator[str]:
            yield "\n"
            with suppress(RefusedError):  # of those who asked at the same moment
                check()
                async with followings.listen(what, lambda: _targets(services, where, node)) as listener, counted():
                    for within in turns(seconds):
                        if services.keyring.holder(principal.key) is None:
                            return
                        records = await listener.next(within=within)
                        services.metrics.followed.inc(len(records))
                        yield "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records) or "\n"

        @asynccontextmanager
        async def counted() -> AsyncIterator[None]:
            followers[principal.key] += 1
            services.metrics.followers.set(followers.total())
            try:
                yield
            finally:
                followers[principal.key] -= 1
                if not followers[principal.key]:
                    del followers[principal.key]
                services.metrics.followers.set(followers.total())

        return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    return router


def _targets(services: Services, where: str | None, node: str | None) -> list[Target]:
    """Whose logs are meant.

    Raises:
        InvalidError: both are said, or what is said is none.
        NotFoundError: there is no such node.
    """
    if node is not None and where is not None:
        raise InvalidError(say("say a node or a selector, not both"), where="node")
    if node is None:
        return [Target(each.id, "") for each in selected(services.fleet, where or "all")]
    parent, _, leaf = node.partition("/")
    return [Target(services.fleet.find(parent).id, leaf)]
