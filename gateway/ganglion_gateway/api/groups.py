# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of groups: who reads what is confidential."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from ganglion_gateway.api.documents import Cursor, GroupBody, Limit, MembersBody
from ganglion_gateway.api.paging import page_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services

GroupName = Annotated[str, Path(max_length=32, description="a group's name")]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["groups"])
    groups = services.groups

    @router.get("/groups", summary="Groups of confidential topics")
    async def list_groups(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        return page_of("groups", map(groups.document, groups.all), lambda group: group["name"], cursor, limit)

    @router.post("/groups", status_code=201, summary="Make a group")
    async def create_group(body: GroupBody, who: Who) -> dict[str, Any]:
        group = await groups.create(body.name, nodes=body.nodes, tags=body.tags)
        await services.note(who, "group.create", group.name, {"nodes": group.nodes, "tags": group.tags})
        return groups.document(group)

    @router.get("/groups/{name}", summary="A group, and who has its newest key")
    async def show_group(name: GroupName) -> dict[str, Any]:
        return groups.document(groups.find(name))

    @router.post("/groups/{name}/add", summary="Take nodes in")
    async def add_members(name: GroupName, body: MembersBody, who: Who) -> dict[str, Any]:
        group = await groups.add(name, nodes=body.nodes, tags=body.tags)
        await services.note(who, "group.add", name, {"nodes": body.nodes, "tags": body.tags})
        return groups.document(group)

    @router.post("/groups/{name}/remove", summary="Let nodes go; they read nothing from now on")
    async def remove_members(name: GroupName, body: MembersBody, who: Who) -> dict[str, Any]:
        group = await groups.remove(name, nodes=body.nodes, tags=body.tags)
        await services.note(who, "group.remove", name, {"nodes": body.nodes, "tags": body.tags})
        return groups.document(group)

    @router.post("/groups/{name}/rotate", summary="Make a new key now")
    async def rotate_key(name: GroupName, who: Who) -> dict[str, Any]:
        group = await groups.rotate(name)
        await services.note(who, "group.rotate", name, {"number": group.number})
        return groups.document(group)

    return router
