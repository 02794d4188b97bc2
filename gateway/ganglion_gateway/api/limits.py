# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which operators see, change and withdraw the limits that the fleet sets for actuators."""

from typing import Any

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException

from ganglion.guardian.fleet import verify
from ganglion.mesh.fleet_limits import read
from ganglion.mesh.signed_config import LIMITS
from ganglion.sentences import say
from ganglion_gateway.api.documents import LimitsBody
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/mesh", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["limits"])

    def stated() -> dict[str, Any]:
        """What holds; `issued` is None where no operator has said anything yet."""
        signed = services.mesh.config(LIMITS)
        if signed is None:
            return {**LIMITS.default.document, "issued": None}
        return {**signed.config.document, "issued": signed.issued}

    @router.get("/limits", summary="What the fleet limits its actuators to")
    async def show() -> dict[str, Any]:
        return stated()

    @router.post("/limits", summary="Have these limits hold from now on, and those before no more")
    async def put(body: LimitsBody, who: Who) -> dict[str, Any]:
        limits = read({"limit": body.limit})
        verify(limits)
        before = stated()
        if body.version is not None and body.version != before["version"]:
            raise HTTPException(
                409,
                say(
                    "the limits were changed meanwhile: these were made from {old}, and {new} holds; "
                    "show them again, or leave the version out",
                    old=body.version,
                    new=before["version"],
                ),
            )
        made = services.mesh.set_config(LIMITS, limits)
        detail = {"before": before["version"], "withdrawn": before["limit"], "limit": made.document["limit"]}
        await services.note(who, "limits.set", str(made.version), detail)
        return stated()

    return router
