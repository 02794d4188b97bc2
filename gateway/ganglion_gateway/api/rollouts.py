# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of rollouts: plan, begin, follow, stop. Times are nanoseconds since the Unix epoch, spans nanoseconds."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from ganglion.units import duration
from ganglion_gateway import languages
from ganglion_gateway.api.documents import Cursor, Document, Limit, page, read_cursor, write_cursor
from ganglion_gateway.api.forms import LINE_OR_NONE, ROLLOUT
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.reading import Reader
from ganglion_gateway.api.routes import Who
from ganglion_gateway.api.watch import SILENCE, Seconds
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.rollout.desk import is_live
from ganglion_gateway.rollout.happening import Abort, Pause, Resume
from ganglion_gateway.rollout.target import At, State
from ganglion_gateway.rollout.terms import MAX_BOUNDS, MAX_STAGES, Bound, Share, Terms, stages
from ganglion_gateway.selecting.parse import MAX_TEXT
from ganglion_gateway.services import Services

#: Seconds between looks at a rollout that somebody watches.
_LOOK = 0.5
#: Notes of one line of a watch.
_NOTES = 100

RolloutId = Annotated[str, Path(pattern=ROLLOUT, description="as `GET /rollouts` lists it")]
Text = Annotated[str, Field(min_length=1, max_length=128)]
ListState = Annotated[State | None, Query(description="those that are so")]
NodeState = Annotated[list[At] | None, Query(max_length=len(At), description="those that are so far; all by default")]


class RolloutBody(Document):
    """`POST /rollouts` and `/rollouts/plan`."""

    release: str = Field(min_length=1, max_length=64, description="its id, the first letters of it, or its name")
    selector: str = Field(min_length=1, max_length=MAX_TEXT, description="which nodes: tag=fridge and board=esp32")
    id: str | None = Field(default=None, pattern=ROLLOUT, description="of a plan that was looked at: the same cohorts")
    stages: list[Text] = Field(
        default=["1%", "10%", "50%", "100%"],
        min_length=1,
        max_length=MAX_STAGES,
        description="percent of all its nodes, each with a soak time of its own if it is to have one: 10%:1h",
    )
    soak: str = Field(default="10m", max_length=16, description="of stages that have none of their own")
    quorum: int = Field(default=80, ge=1, le=100, description="percent of a stage's nodes that must have committed")
    tolerate_stage: str = Field(default="5%", max_length=16, description="so many of a stage may fail: 3 or 5%")
    tolerate: str = Field(default="5%", max_length=16, description="so many of all may fail: 3 or 5%")
    patience: str = Field(default="30m", max_length=16, description="what a node may take from one step to the next")
    at_once: int = Field(default=200, ge=1, le=100_000, description="nodes that are on the way at a time")
    crashes: int = Field(default=0, ge=0, le=1000, description="of one node that are no failure")
    alerts: int | None = Field(default=None, ge=0, le=100_000, description="of one node that are none; null: any")
    bounds: list[Text] = Field(
        default=[], max_length=MAX_BOUNDS, description="what sensors must read: system.temperature < 80 for 5m"
    )
    send_back: bool = Field(default=False, description="an abort sends back those that have committed, too")

    def terms(self) -> Terms:
        """What it asks for.

        Raises:
            InvalidError: a field says nothing that a rollout could do.
        """
        return Terms(
            stages=stages(self.stages, soak=duration(self.soak, where="soak")),
            quorum=self.quorum,
            tolerate_stage=Share.read(self.tolerate_stage, where="tolerate_stage"),
            tolerate=Share.read(self.tolerate, where="tolerate"),
            patience=duration(self.patience, where="patience"),
            at_once=self.at_once,
            crashes=self.crashes,
            alerts=self.alerts,
            bounds=tuple(Bound.read(text, where="bounds") for text in self.bounds),
            send_back=self.send_back,
        )


class AbortBody(Document):
    """`POST /rollouts/{rollout}/abort`."""

    why: str = Field(default="", max_length=256, pattern=LINE_OR_NONE)
    send_back: bool = Field(default=False, description="also those that have committed")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["rollouts"])
    _beginning(router, services)
    _looking(router, services)
    _commands(router, services)
    return router


def _beginning(router: APIRouter, services: Services) -> None:
    desk = services.rollouts

    @router.post("/rollouts/plan", summary="Say what a rollout would do, and do nothing")
    async def plan_rollout(body: RolloutBody, reader: Reader) -> dict[str, Any]:
        made = await desk.plan(body.release, body.selector, body.terms(), id=body.id)
        planned: dict[str, Any] = languages.told(desk.planned(made, body.selector), reader)
        return planned

    @router.post("/rollouts", status_code=201, summary="Bring a release to nodes, stage by stage")
    async def start_rollout(body: RolloutBody, who: Who) -> dict[str, Any]:
        return await desk.start(body.release, body.selector, body.terms(), by=who.name, id=body.id)


def _looking(router: APIRouter, services: Services) -> None:
    desk = services.rollouts

    @router.get("/rollouts", summary="Rollouts, the newest first")
    async def list_rollouts(limit: Limit = 50, cursor: Cursor = None, state: ListState = None) -> dict[str, Any]:
        rows, documents = await desk.page(
            state=None if state is None else state.value, before=read_cursor(cursor), limit=limit
        )
        return page("rollouts", rows, documents, limit)

    @router.get("/rollouts/{rollout}", summary="A rollout, in numbers")
    async def get_rollout(rollout: RolloutId) -> dict[str, Any]:
        return await desk.document(rollout)

    @router.get("/rollouts/{rollout}/nodes", summary="Its nodes, in the order in which it comes to them")
    async def list_nodes_of_rollout(
        rollout: RolloutId, limit: Limit = 50, cursor: Cursor = None, state: NodeState = None
    ) -> dict[str, Any]:
        states = [each.value for each in state or ()]
        rows = await desk.nodes(rollout, states=states, after=read_cursor(cursor), limit=limit)
        following = write_cursor(rows[-1]["rank"]) if len(rows) == limit else None
        return {"nodes": [desk.node(row) for row in rows], "next": following}

    @router.get("/rollouts/{rollout}/notes", summary="What happened in it, the first first")
    async def list_notes_of_rollout(rollout: RolloutId, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        rows = await desk.notes(rollout, after=read_cursor(cursor), limit=limit)
        return page("notes", rows, [desk.note(row) for row in rows], limit)

    @router.get("/rollouts/{rollout}/report", summary="A rollout, what happened in it, and who had trouble")
    async def report_rollout(rollout: RolloutId) -> dict[str, Any]:
        return await desk.report(rollout)

    @router.get(
        "/rollouts/{rollout}/watch",
        summary="A rollout as it goes on, a JSON document a line, until it ends",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
    )
    async def watch_rollout(rollout: RolloutId, request: Request, seconds: Seconds = None) -> StreamingResponse:
        await desk.document(rollout)  # who asks for one that is not there is told so before the stream begins
        lines = _lines(services, rollout, _looker(services, request), seconds)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers={"cache-control": "no-store"})


def _commands(router: APIRouter, services: Services) -> None:
    desk = services.rollouts

    async def carry_out(rollout: str, command: Pause | Resume | Abort) -> dict[str, Any]:
        await desk.controller.command(rollout, command)
        return await desk.document(rollout)

    @router.post("/rollouts/{rollout}/pause", summary="Come to no node more, for now")
    async def pause_rollout(rollout: RolloutId, who: Who) -> dict[str, Any]:
        return await carry_out(rollout, Pause(who.name))

    @router.post("/rollouts/{rollout}/resume", summary="Go on")
    async def resume_rollout(rollout: RolloutId, who: Who) -> dict[str, Any]:
        return await carry_out(rollout, Resume(who.name))

    @router.post("/rollouts/{rollout}/abort", summary="End it, and take it back from those that are on the way")
    async def abort_rollout(rollout: RolloutId, body: AbortBody, who: Who) -> dict[str, Any]:
        return await carry_out(rollout, Abort(who.name, body.why, body.send_back))


def _looker(services: Services, request: Request) -> Callable[[], bool]:
    principal = request.state.principal
    return lambda: services.keyring.holder(principal.key) is not None


async def _lines(
    services: Services, rollout: str, may: Callable[[], bool], seconds: float | None
) -> AsyncIterator[str]:
    desk, before, after, silent = services.rollouts, None, None, 0.0
    until = math.inf if seconds is None else time.monotonic() + seconds
    yield "\n"
    while may():
        rows = await desk.notes(rollout, after=after, limit=_NOTES)
        document = await desk.document(rollout)
        if rows or document != before:
            yield json.dumps({**document, "notes": [desk.note(row) for row in rows]}, ensure_ascii=False) + "\n"
            before, after, silent = document, rows[-1]["number"] if rows else after, 0.0
        if len(rows) == _NOTES:
            continue
        if not is_live(document) or (left := until - time.monotonic()) <= 0:
            return
        await asyncio.sleep(min(_LOOK, left))
        silent += _LOOK
        if silent >= SILENCE:
            yield "\n"
            silent = 0.0
