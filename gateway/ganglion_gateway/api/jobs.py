# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of jobs: commands to many nodes, with what came of them at each."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from ganglion.units import duration
from ganglion_gateway.api.documents import Cursor, Limit, Word, page, read_cursor
from ganglion_gateway.api.documents import Document as Body
from ganglion_gateway.api.forms import JOB
from ganglion_gateway.api.paging import keyed_page, read_key
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.api.watch import LINES, Seconds, turns
from ganglion_gateway.jobs import order
from ganglion_gateway.jobs.shown import job_document, target_document
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import jobs as store

JobId = Annotated[str, Path(pattern=JOB, description="as the list has it")]
State = Annotated[
    Literal["waiting", "running", "done", "failed", "unknown", "expired", "cancelled"] | None,
    Query(description="those that are so"),
]

Node = Annotated[str | None, Query(max_length=64, description="a node's id or name: those that it is in")]


class JobBody(Body):
    """`POST /jobs`."""

    selector: str = Field(min_length=1, max_length=2000, description="which nodes, as in `tag=fridge`; a name is one")
    method: Word
    params: dict[str, Any] = Field(default_factory=dict)
    deadline: str = Field(default="10m", max_length=16, description="until when nodes that are away are waited for")
    timeout: str = Field(default="30s", max_length=16, description="what a node has for one attempt, 5m at most")
    retries: int = Field(default=0, ge=0, le=20, description="attempts after one that has failed")
    concurrency: int = Field(default=16, ge=1, le=256, description="nodes at the same time")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["jobs"])

    async def document(row: dict[str, Any], counts: dict[str, int] | None = None) -> dict[str, Any]:
        if counts is None:
            counts = (await store.counts(services.database, [row["id"]]))[row["id"]]
        return job_document(row, counts)

    @router.post("/jobs", status_code=201, summary="Have nodes do something, those that sleep when they wake")
    async def create(body: JobBody, who: Who) -> dict[str, Any]:
        wanted = order(
            selector=body.selector,
            method=body.method,
            params=body.params,
            deadline=duration(body.deadline, where="deadline"),
            timeout=duration(body.timeout, where="timeout"),
            retries=body.retries,
            wide=body.concurrency,
            by=who.name,
        )
        return await document(await services.jobs.find(await services.jobs.create(wanted)))

    @router.get("/jobs", summary="Jobs, newest first")
    async def list_jobs(limit: Limit = 50, cursor: Cursor = None, node: Node = None) -> dict[str, Any]:
        nodes = None if node is None else services.fleet.find(node).ids
        rows = await store.page(services.database, before=read_cursor(cursor), limit=limit, nodes=nodes)
        counts = await store.counts(services.database, [row["id"] for row in rows])
        return page("jobs", rows, [await document(row, counts[row["id"]]) for row in rows], limit)

    @router.get("/jobs/{job}", summary="One job, and how many nodes are how far")
    async def show(job: JobId) -> dict[str, Any]:
        return await document(await services.jobs.find(job))

    @router.get("/jobs/{job}/nodes", summary="What came of a job at each node")
    async def nodes(job: JobId, limit: Limit = 100, cursor: Cursor = None, state: State = None) -> dict[str, Any]:
        await services.jobs.find(job)
        rows = await store.targets(services.database, job, state=state, after=read_key(cursor), limit=limit)
        return keyed_page("nodes", rows, [target_document(row) for row in rows], "node", limit)

    @router.post("/jobs/{job}/cancel", summary="Begin it nowhere any more, and end it where it is under way")
    async def cancel(job: JobId, who: Who) -> dict[str, Any]:
        await services.jobs.cancel(job, by=who.name)
        return await document(await services.jobs.find(job))

    @router.get(
        "/jobs/{job}/watch",
        summary="What comes of a job as it does, a JSON document a line, until it ends",
        response_class=StreamingResponse,
        responses=LINES,
    )
    async def watch(request: Request, job: JobId, seconds: Seconds = None) -> StreamingResponse:
        await services.jobs.find(job)
        principal = request.state.principal

        async def lines() -> AsyncIterator[str]:
            told: dict[str, int] = {}
            yield "\n"
            async for rows in services.jobs.watch(job, turns(seconds)):
                if services.keyring.holder(principal.key) is None:
                    return
                told |= {row["node"]: row["ended"] is not None for row in rows}
                yield "".join(_line({"node": target_document(row)}) for row in rows) or "\n"
            after = ""
            while rows := await store.targets(services.database, job, state=None, after=after, limit=500):
                yield (
                    "".join(_line({"node": target_document(row)}) for row in rows if not told.get(row["node"])) or "\n"
                )
                after = rows[-1]["node"]
            yield _line({"job": await document(await services.jobs.find(job))})

        return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    return router


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"
