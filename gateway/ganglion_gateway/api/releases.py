# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of releases: what they hold, and which node should run which."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from ganglion.errors import InvalidError
from ganglion.release.agent import MAX_WHEEL, MAX_WHEELS, PIECE, said
from ganglion.release.manifest import MAX_FILE, MAX_FILES, WINDOW, WINDOWS
from ganglion.release.requires import MAX_WORDS
from ganglion.release.requires import read as read_requires
from ganglion.sentences import say
from ganglion_gateway import languages
from ganglion_gateway.api.documents import Cursor, Document, Limit, page, read_cursor
from ganglion_gateway.api.forms import FILE, SHA256, WORD
from ganglion_gateway.api.paging import page_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.reading import Reader
from ganglion_gateway.api.routes import NodeName, Who
from ganglion_gateway.fleet import Node
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services

Sha256 = Annotated[str, Field(pattern=SHA256, description="in hexadecimal")]
Digest = Annotated[str, Path(pattern=SHA256, description="SHA-256 of the content, in hexadecimal")]
ReleaseName = Annotated[str, Path(max_length=64, description="a release's id, the first letters of it, or its name")]
FilePath = Annotated[str, Path(max_length=260, pattern=FILE, description="of a file in a release")]
_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


class FileBody(Document):
    """A file of a release."""

    path: str = Field(max_length=260)
    sha256: Sha256


class AgentBody(Document):
    """A wheel of Ganglion that a release brings to nodes."""

    name: str = Field(max_length=200, description="of its file: ganglion-VERSION-PYTHON-ABI-PLATFORM.whl")
    pieces: list[Sha256] = Field(
        min_length=1, max_length=MAX_WHEEL // PIECE, description=f"of {PIECE} bytes each, the last of what is left"
    )


class RequiresBody(Document):
    """What a node must have."""

    board: list[str] = Field(default=[], max_length=MAX_WORDS)
    agent: str = Field(default="", max_length=64, description="versions of Ganglion, as in >=0.1,<2")
    capabilities: list[str] = Field(default=[], max_length=MAX_WORDS, description="sensor:NAME, actuator:NAME")


class ReleaseBody(Document):
    """`POST /releases`."""

    name: str = Field(min_length=1, max_length=64, pattern=WORD)
    files: list[FileBody] = Field(default=[], max_length=MAX_FILES)
    agent: list[AgentBody] = Field(
        default=[], max_length=MAX_WHEELS, description="versions of Ganglion, one for each kind of machine"
    )
    requires: RequiresBody = RequiresBody()
    window: int = Field(default=WINDOW, ge=WINDOWS.start, lt=WINDOWS.stop, description="seconds of the trial")


class AssignmentBody(Document):
    """`PUT /nodes/{node}/release`."""

    release: str | None = Field(max_length=64, description="null for the node's own configuration")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["releases"])
    office, register = services.releases, services.releases.register

    @router.put(
        "/releases/files/{digest}",
        summary="Send the content of a file for a release to come; again, nothing happens",
        openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
    )
    async def send_file(digest: Digest, request: Request) -> dict[str, Any]:
        data = await _body(request)
        return {"sha256": digest, "size": len(data), "new": await register.keep(digest, data)}

    @router.post("/wheels/check", summary="What a wheel of Ganglion is whose pieces were sent; nothing is made of it")
    async def check_wheel(body: AgentBody) -> dict[str, Any]:
        return (await register.wheel(body.name, body.pieces)).document

    @router.post(
        "/releases",
        status_code=201,
        summary="Make a release of files that were sent; the same again is the same release",
        responses={200: {"description": "It was there already"}},
    )
    async def create_release(body: ReleaseBody, who: Who, response: Response) -> dict[str, Any]:
        files = {each.path: each.sha256 for each in body.files}
        if len(files) < len(body.files):
            raise InvalidError(say("names a path twice"), where="files")
        agents = {each.name: each.pieces for each in body.agent}
        if len(agents) < len(body.agent):
            raise InvalidError(say("names a wheel twice"), where="agent")
        requires = read_requires(body.requires.model_dump())
        made = register.create(body.name, files, agents, requires=requires, window=body.window, by=who.name)
        release, is_new = await made
        if is_new:
            of = {"name": body.name, "files": sorted(files)} | ({"agent": sorted(agents)} if agents else {})
            await services.note(who, "release.create", release.id, of)
        else:
            response.status_code = 200
        return release.document

    @router.get("/releases", summary="Every release, the newest first")
    async def list_releases(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        found = await register.page(before=read_cursor(cursor), limit=limit)
        meant = await office.meant()
        documents = [{**each.document, "nodes": meant.get(each.id, 0)} for each in found]
        return page("releases", [{"number": each.number} for each in found], documents, limit)

    @router.get("/releases/{release}", summary="One release")
    async def get_release(release: ReleaseName, reader: Reader) -> dict[str, Any]:
        found = await register.find(release)
        return {**found.document, "signed": languages.told(await register.signed(found), reader)}

    @router.get("/releases/{release}/nodes", summary="The nodes that are to run it, and what each has said of it")
    async def list_nodes_of_release(release: ReleaseName, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        found = await register.find(release)
        nodes = await office.nodes(found.id)
        states = Counter(each["state"] for each in nodes)
        listed = page_of("nodes", nodes, lambda one: f"{one['name']}\n{one['node']}", cursor, limit)
        return {"release": found.id, "desired": len(nodes), "reported": dict(sorted(states.items())), **listed}

    @router.get(
        "/releases/{release}/files/{path:path}",
        summary="A file of a release",
        response_class=Response,
        responses={200: {"content": _BYTES}},
    )
    async def get_file(release: ReleaseName, path: FilePath) -> Response:
        data = await register.file(await register.find(release), path)
        return Response(data, media_type="application/octet-stream")

    @router.get("/releases/{release}/diff/{other}", summary="What another release has that this one has not")
    async def get_diff(release: ReleaseName, other: Annotated[str, Path(max_length=64)]) -> dict[str, Any]:
        return await register.diff(await register.find(release), await register.find(other))

    @router.get("/nodes/{node}/release", summary="What a node should run, and what it has said of it")
    async def get_assignment(node: NodeName) -> dict[str, Any]:
        known = services.fleet.find(node)
        return {"node": known.id, "name": known.name, **await office.document(known), "runs": _runs(known)}

    @router.put("/nodes/{node}/release", summary="Have a node run a release; again, to have it tried again")
    async def assign_release(node: NodeName, body: AssignmentBody, who: Who) -> dict[str, Any]:
        known = services.fleet.find(node)
        await office.assign(known.id, body.release, by=who.name, again=True)
        assigned = await office.document(known)
        await services.note(who, "release.assign", known.id, {"release": assigned["desired"]["release"]})
        return {"node": known.id, "name": known.name, **assigned, "runs": _runs(known)}

    return router


def _runs(node: Node) -> dict[str, Any]:
    """By which Ganglion a node runs, as it has said last."""
    _, installed, wheel = said(node.caps)
    version = node.sw.rpartition("/")[2]
    return {"version": version, "installed": installed or version, "wheel": wheel or None}


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FILE:
            raise HTTPException(413, say("a file of a release has at most {most} bytes", most=MAX_FILE))
    return body
