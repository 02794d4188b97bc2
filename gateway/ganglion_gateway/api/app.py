# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASGI application: routes and problems, with the guard around all of it."""

from fastapi import FastAPI

from ganglion_gateway import problems
from ganglion_gateway.access.guard import Guard
from ganglion_gateway.api import (
    auth,
    calls,
    consents,
    crashes,
    devices,
    firmware,
    groups,
    health,
    history,
    hooks,
    inventory,
    jobs,
    kv,
    limits,
    logs,
    mesh,
    models,
    openapi,
    policy,
    releases,
    rollouts,
    routes,
    scripting,
    scripts,
    socket,
    users,
    watch,
    webhooks,
)
from ganglion_gateway.dashboard import login
from ganglion_gateway.services import Services


def application(services: Services, *, version: str | None = None) -> FastAPI:
    """Everything but the dashboard's pages, unguarded: `guarded` goes around it.

    Args:
        version: Of the software; default: that of the settings.
    """
    app = FastAPI(
        title="Ganglion gateway",
        version=services.settings.version if version is None else version,
        summary="The fleet's server",
        docs_url=None,  # it would load its script from somebody else's server
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
    )
    openapi.describe(app)
    problems.install(app)
    # First: a thousand clients that come back at once would each be held against all other routes, which takes a
    # millisecond
    app.include_router(socket.routes(services))
    app.include_router(health.routes(services))
    app.include_router(login.routes(services))
    app.include_router(auth.routes(services))
    app.include_router(users.routes(services))
    app.include_router(routes.routes(services))
    app.include_router(webhooks.routes(services))
    app.include_router(hooks.routes(services))
    app.include_router(models.routes(services))
    app.include_router(calls.routes(services))
    app.include_router(inventory.routes(services))
    app.include_router(jobs.routes(services))
    app.include_router(logs.routes(services))
    app.include_router(crashes.routes(services))
    app.include_router(history.routes(services))
    app.include_router(mesh.routes(services))
    app.include_router(devices.routes(services))
    app.include_router(consents.routes(services))
    app.include_router(groups.routes(services))
    app.include_router(policy.routes(services))
    app.include_router(limits.routes(services))
    app.include_router(firmware.routes(services))
    app.include_router(scripts.routes(services))
    app.include_router(scripting.routes(services))
    app.include_router(releases.routes(services))
    app.include_router(rollouts.routes(services))
    app.include_router(kv.routes(services))
    app.include_router(watch.routes(services), responses=problems.RESPONSES)
    return app


def guarded(app: FastAPI, services: Services) -> Guard:
    """What the server runs."""
    inner = services.idempotency.around(app)
    return Guard(inner, keyring=services.keyring, sessions=services.sessions, metrics=services.metrics)
