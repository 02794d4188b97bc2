# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which a person agrees to what a language model wants, or does not."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from ganglion_gateway.api.documents import Cursor, Limit
from ganglion_gateway.api.paging import page_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services

Number = Annotated[str, Path(max_length=32, description="as `GET /consents` lists it")]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["consents"])

    @router.get("/consents", summary="Commands that wait for a person's consent")
    async def list_consents(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        waiting = services.consents.waiting
        return page_of("consents", waiting, lambda one: f"{one['asked']:020}{one['id']}", cursor, limit)

    @router.post("/consents/{consent}/grant", summary="Let one command be carried out, if its guardian lets it")
    async def grant(consent: Number, who: Who) -> dict[str, Any]:
        return await services.consents.decide(consent, granted=True, by=who.name)

    @router.post("/consents/{consent}/refuse", summary="Do not let it be carried out")
    async def refuse(consent: Number, who: Who) -> dict[str, Any]:
        return await services.consents.decide(consent, granted=False, by=who.name)

    return router
