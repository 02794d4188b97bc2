# SPDX-License-Identifier: GPL-3.0-or-later
"""Health, for whoever watches over the process, and metrics, for whoever watches over the fleet.

live     the event loop turns: answer or be restarted
startup  the database is migrated and the fleet loaded: until then, wait
ready    it can do its work; `degraded` (200) without a broker, or while nobody leads a part as jobs or rollouts, since
         API and dashboard still serve, 503 without a database, since nothing does
"""

import asyncio
from collections import Counter

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ganglion.units import SECOND
from ganglion_gateway import metrics, verdict
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.rollout.target import At, State
from ganglion_gateway.services import Services
from ganglion_gateway.store import crashes, jobs, rollouts, webhooks

#: Seconds that the database has to answer.
_PATIENCE = 2.0
#: Nodes that are looked at without a pause.
_AT_ONCE = 200
#: Nanoseconds that a job may take to end once its time is over: an answer may be on its way.
_GRACE = 60 * SECOND
#: A node that has crashed so often within so many nanoseconds will do so again.
_REPEATED, _HOUR = 3, 3600 * SECOND


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(responses=RESPONSES)

    @router.get("/health/live", summary="The process answers", tags=["health"])
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/health/startup", summary="The process has come up", tags=["health"])
    async def startup() -> JSONResponse:
        if services.started:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "starting"}, 503)

    @router.get("/health/ready", summary="The gateway can do its work", tags=["health"])
    async def ready() -> JSONResponse:
        unled = services.leases.unled()
        checks = {
            "database": "ok" if await _database_answers() else "failed",
            "broker": _broker(services),
            "parts": f"nobody leads {', '.join(unled)}" if unled else "ok",
        }
        if not services.started or checks["database"] != "ok":
            return JSONResponse({"status": "failed" if services.started else "starting", "checks": checks}, 503)
        return JSONResponse({"status": "ok" if set(checks.values()) == {"ok"} else "degraded", "checks": checks})

    @router.get(
        "/metrics",
        summary="For Prometheus",
        tags=["health"],
        response_class=Response,
        responses={200: {"content": {metrics.CONTENT_TYPE: {"schema": {"type": "string"}}}}},
    )
    async def expose() -> Response:
        known = services.metrics
        now, nodes, online = services.clock(), services.fleet.nodes.values(), services.fleet.online
        asleep = sum(node.asleep(now) for node in nodes)
        for presence, count in (("online", online), ("asleep", asleep), ("offline", len(nodes) - online - asleep)):
            known.nodes.labels(presence).set(count)
        words = await _how_nodes_are()
        for word in verdict.WORDS:
            known.health.labels(word).set(words[word])
        known.jobs.set(services.jobs.running)
        known.jobs_overdue.set(await jobs.overdue(services.database, now - _GRACE))
        known.crashing.set(await crashes.repeated(services.database, since=now - _HOUR, least=_REPEATED))
        known.broker.set(services.mesh.connected)
        known.outbox.clear()
        for endpoint, counts in (await webhooks.counts(services.database)).items():
            for state, count in counts.items():
                known.outbox.labels(endpoint, state).set(count)
        known.oldest.clear()
        for endpoint, created in (await webhooks.oldest(services.database)).items():
            known.oldest.labels(endpoint).set(max(0, now - created) / SECOND)
        states, far = await rollouts.summary(services.database)
        for state in State:
            known.rollouts.labels(state.value).set(states.get(state.value, 0))
        for at in At:
            known.rollout_nodes.labels(at.value).set(far.get(at.value, 0))
        known.rollout_overdue.clear()
        for rollout, since in (await rollouts.due(services.database)).items():
            known.rollout_overdue.labels(rollout).set(max(0, now - since) / SECOND)
        return Response(known.render(), media_type=metrics.CONTENT_TYPE)

    async def _how_nodes_are() -> Counter[str]:
        now, words = services.clock(), Counter[str]()
        for number, node in enumerate(tuple(services.fleet.nodes.values())):
            words[verdict.health(node, now)] += 1
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # of ten thousand it takes a while, and others wait for the loop
        return words

    async def _database_answers() -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await services.database.scalar(text("SELECT 1"))
        except (SQLAlchemyError, TimeoutError):
            return False
        return True

    return router


def _broker(services: Services) -> str:
    if not services.mesh.connected:
        return "away"
    return f"refuses {unheard} subscriptions" if (unheard := services.mesh.unheard) else "ok"
