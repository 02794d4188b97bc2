# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which who writes scripts has them checked, drawn, tested and tried. Nothing of them reaches a node."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field
from starlette.exceptions import HTTPException

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.mova.templates import TEMPLATES, template
from ganglion.sentences import say
from ganglion_gateway.access.tokens import Principal
from ganglion_gateway.api.documents import Document
from ganglion_gateway.api.forms import SCRIPT
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.reading import Reader
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.scripting.turns import BusyError
from ganglion_gateway.services import Services

#: Letters of a script; the largest real one has 30,000.
MAX_TEXT = 500_000


def _short(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"a script has at most {MAX_TEXT} letters, and this one {len(text)}")
    return text


Text = Annotated[
    str, AfterValidator(_short), Field(description=f"the document, YAML or JSON; {MAX_TEXT} letters at most")
]
FileName = Annotated[
    str,
    Field(max_length=64, pattern=SCRIPT, description="what messages call it; its end counts"),
]


class ScriptBody(Document):
    """`POST /scripts/graph` and `/scripts/compile`."""

    text: Text
    file: FileName = "script.yaml"


class CheckBody(ScriptBody):
    """`POST /scripts/check`."""

    language: Literal["en", "uk"] = Field(default="en", description="of the diagnostics")


class GraphBody(ScriptBody):
    """`POST /scripts/graph`."""

    protocol: str | None = Field(default=None, max_length=200, description="this one alone")


class TestBody(ScriptBody):
    """`POST /scripts/test`."""

    name: str = Field(default="", max_length=200, description="only tests whose name has this in it")


class RunBody(ScriptBody):
    """`POST /scripts/run`."""

    protocol: str = Field(max_length=200)
    value: Any = Field(default=None, description="of the event that starts it; a text is what the user says, too")
    session: dict[str, Any] = Field(default={}, description="data of the session, over what the document says")
    sensors: dict[str, Any] = Field(default={}, description="the value that each sensor has")
    llm: Any = Field(default="down", description="what a model answers: `down`, an answer, or a list of them")
    tools: dict[str, Any] = Field(default={}, description="the body that each tool answers with")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(
        prefix="/api/v1/scripts", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["scripts"]
    )

    async def ask(what: str, body: Document, who: Principal, reader: str) -> dict[str, Any]:
        document = body.model_dump()
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # which JSON can escape, and nothing that reads the script can take
            raise InvalidError(
                say("holds half of a surrogate pair, which is no letter"), where=say("the body")
            ) from None
        try:
            return await services.bench.ask(what, document, who=who.user or who.key, reader=reader)
        except BusyError as busy:
            raise HTTPException(429, sentences.of(busy), {"retry-after": "1"}) from None

    @router.get("/templates", summary="Scripts to begin with")
    async def templates() -> dict[str, Any]:
        return {"templates": [{"name": each, "text": template(each, "my_script")} for each in TEMPLATES]}

    @router.post("/check", summary="Say what is wrong with a script")
    async def check(body: CheckBody, who: Who, reader: Reader) -> dict[str, Any]:
        return await ask("check", body, who, reader)

    @router.post("/graph", summary="Draw the protocols of a script as flowcharts, in Mermaid")
    async def graph(body: GraphBody, who: Who, reader: Reader) -> dict[str, Any]:
        return await ask("graph", body, who, reader)

    @router.post("/test", summary="Run the tests of a script in virtual time")
    async def test(body: TestBody, who: Who, reader: Reader) -> dict[str, Any]:
        return await ask("test", body, who, reader)

    @router.post("/compile", summary="Make the plan of a script that passes its own tests, for `scripts.put` of a node")
    async def compile(body: ScriptBody, who: Who, reader: Reader) -> dict[str, Any]:
        return await ask("compile", body, who, reader)

    @router.post("/run", summary="Run a protocol once in virtual time; nothing outside of it is reached")
    async def run(body: RunBody, who: Who, reader: Reader) -> dict[str, Any]:
        return await ask("run", body, who, reader)

    return router
