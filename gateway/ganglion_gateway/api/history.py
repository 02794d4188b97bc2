# SPDX-License-Identifier: GPL-3.0-or-later
"""The route by which charts have what a sensor read over hours and days: spans of time instead of every reading."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from ganglion.errors import InvalidError, NotFoundError
from ganglion.sentences import say
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import NodeName
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import fleet

_Time = Query(ge=0, lt=2**63, description="nanoseconds since the Unix epoch")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)])

    @router.get(
        "/nodes/{node}/history",
        summary="What a sensor read, put together by spans of time: when each begins, least, mean, greatest, how many",
        tags=["fleet"],
    )
    async def history(
        node: NodeName,
        sensor: Annotated[str, Query(max_length=128)],
        since: Annotated[int, _Time],
        until: Annotated[int | None, _Time] = None,
        spans: Annotated[int, Query(ge=1, le=2000, description="into how many the time is cut")] = 300,
    ) -> dict[str, Any]:
        known = services.fleet.find(node)
        if sensor not in known.sensors:
            names = ", ".join(sorted(known.sensors)) or say("none yet")
            raise NotFoundError(
                say("{name} has no sensor {sensor!r}; it has {names}", name=known.name, sensor=sensor, names=names)
            )
        end = services.clock() if until is None else until
        if end <= since:
            raise InvalidError(say("must be before its end"), where="since")
        step = -(-(end - since) // spans)
        rows = await fleet.buckets(services.database, known.ids, sensor, since=since, until=end, step=step)
        return {
            "node": known.id,
            "sensor": sensor,
            "unit": known.sensors[sensor].unit,
            "step": step,
            "spans": [[row[name] for name in ("begin", "low", "mean", "high", "count")] for row in rows],
        }

    return router
