# SPDX-License-Identifier: GPL-3.0-or-later
"""The route by which whoever sends firmware has it sealed: boards that ask for it take what the issuer has signed."""

import base64
from typing import Any

from fastapi import APIRouter

from ganglion_gateway.api.documents import SealBody
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/firmware", responses=RESPONSES, tags=["fleet"])

    @router.post("/seal", summary="Sign a version of firmware, by the SHA-256 of its manifest")
    async def seal(body: SealBody, who: Who) -> dict[str, Any]:
        await services.note(who, "firmware.seal", body.sha256, {})
        sealed = services.authority.seal(bytes.fromhex(body.sha256), now=services.clock())
        return {"sha256": body.sha256, "seal": base64.b64encode(sealed)}

    return router
