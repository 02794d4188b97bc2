# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools of `mcp_tools` over the Model Context Protocol, with the official package: stdio, or streamable HTTP.

Over stdio the server has the token of the command. Over HTTP it has none of its own: each request brings one, the
gateway is asked whether it knows it, and the tool asks the gateway with it. So a viewer's token looks and changes
nothing, and the audit names who it was.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field, ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ganglion import __version__
from ganglion.cli import mcp_scripts, mcp_tools
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.listening import bound
from ganglion.cli.mcp_threads import Threads
from ganglion.errors import GanglionError, RefusedError
from ganglion.expected import Expected, named, shown
from ganglion.settings import nearest

_INSTRUCTIONS = (
    "A fleet of nodes with sensors, actuators and scripts (MOVA documents in YAML). `list` and `describe` say what "
    "there is, `read` and `history` what was measured. `command` asks a node's guardian, which keeps limits and may "
    "ask a person first. `check_script` and `test_script` judge a script; a person loads it."
)
#: Seconds between words to the client while a command takes its time.
_WORD = 5.0
#: Bytes of a request: a script, each letter of which may be escaped.
_MAX_BODY = 2 * 1024 * 1024
#: What looks at a token: anybody who is known may ask for it.
_WHOAMI = "/api/v1/auth/me"

#: Makes a client of the gateway; "" for the token of the command.
Gateway = Callable[[str], GatewayClient]
NodeName = Annotated[str, Field(description="a node's name or id, as `list` shows it, or PARENT/LEAF", max_length=128)]


class _Server(MCPServer[Any]):
    """Says in sentences what is wrong with the arguments of a tool, and takes none that it does not know."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """What a tool answers. Raises: ToolError: there is no such tool, or an argument is wrong; or it says no."""
        known = {tool.name: tool for tool in self._tool_manager.list_tools()}
        if (tool := known.get(name)) is None:
            raise ToolError(f"there is no tool {shown(name)}{nearest(name, known)}")
        fields = tool.parameters.get("properties", {})
        errors: list[Any] = [{"type": "extra_forbidden", "loc": (each,)} for each in arguments if each not in fields]
        try:
            tool.fn_metadata.validate_arguments(arguments)
        except ValidationError as error:
            errors += error.errors(include_url=False)
        if found := Expected(tool.parameters).wrong(errors):
            raise ToolError("; ".join(f"{named(place)}: {said}" for place, said in found))
        return await super().call_tool(name, arguments, context)


def server(gateway: Gateway) -> MCPServer[Any]:
    """The server with its eight tools."""
    threads = Threads()
    made = _Server(
        "ganglion", version=__version__, instructions=_INSTRUCTIONS, log_level="WARNING", subscriptions=False
    )

    async def ask(context: Context[Any, Any], work: Callable[[GatewayClient], dict[str, Any]]) -> dict[str, Any]:
        token = _token(context.headers)
        client = gateway(token)
        try:
            asking = threads.run(token, lambda: work(client))
        except GanglionError as error:
            raise ToolError(str(error)) from None
        words = 0
        while not (await asyncio.wait({asking}, timeout=_WORD))[0]:
            words += 1
            await context.report_progress(words, message="the node, or a person who is asked, takes some time")
        try:
            return asking.result()
        except GanglionError as error:
            raise ToolError(str(error)) from None

    @made.tool(name="list", description="Nodes in short, the last alerts, or commands that wait for a person's consent")
    async def list_(
        context: Context[Any, Any],
        what: Literal["nodes", "alerts", "consents"] = "nodes",
        tag: Annotated[str, Field(description="only nodes with this tag")] = "",
    ) -> dict[str, Any]:
        return await ask(context, lambda client: mcp_tools.listed(client, what, tag))

    @made.tool(description="A node: its sensors, its actuators with their limits and risk, and its scripts")
    async def describe(context: Context[Any, Any], node: NodeName) -> dict[str, Any]:
        return await ask(context, lambda client: mcp_tools.described(client, node))

    @made.tool(description="The newest value of a node's sensor, or of all of them")
    async def read(context: Context[Any, Any], node: NodeName, sensor: str = "") -> dict[str, Any]:
        return await ask(context, lambda client: mcp_tools.read(client, node, sensor))

    @made.tool(
        description="Set an actuator of a node. Its guardian decides; where its risk is `confirm` a person is asked, "
        "which may take minutes"
    )
    async def command(
        context: Context[Any, Any],
        node: NodeName,
        actuator: str,
        value: bool | int | float | str,
        why: Annotated[str, Field(description="for the person who is asked", max_length=200)],
        seconds: Annotated[float | None, Field(description="then it is made safe again", gt=0)] = None,
    ) -> dict[str, Any]:
        return await ask(context, lambda client: mcp_tools.commanded(client, node, actuator, value, why, seconds))

    @made.tool(description="What a sensor has read: least, most, mean, and means over spans of time")
    async def history(
        context: Context[Any, Any],
        node: NodeName,
        sensor: str,
        since: Annotated[str, Field(description="how far back, as in 30m, 24h, 7d")] = "24h",
    ) -> dict[str, Any]:
        return await ask(context, lambda client: mcp_tools.history(client, node, sensor, since, time.time_ns()))

    @made.tool(description="Diagnostics of a script, a MOVA document in YAML or JSON")
    async def check_script(context: Context[Any, Any], text: str) -> dict[str, Any]:
        return await ask(context, lambda _: mcp_scripts.checked(text))

    @made.tool(description="Run the tests that a script brings, in virtual time, on no node")
    async def test_script(context: Context[Any, Any], text: str) -> dict[str, Any]:
        return await ask(context, lambda _: mcp_scripts.tested(text))

    @made.tool(description="How a rollout goes; without its id all of them in short")
    async def rollout_status(context: Context[Any, Any], rollout: str = "") -> dict[str, Any]:
        return await ask(context, lambda client: mcp_tools.rollouts(client, rollout))

    return made


async def serve_http(gateway: Gateway, host: str, port: int, *, beyond: bool) -> None:
    """Serves `/mcp` until the process is told to end; a line on stdout says that it is ready.

    Args:
        beyond: Whether it may be reached under any name, as behind a proxy.
    """
    names = [host, "localhost", "127.0.0.1", "[::1]"]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=not beyond,
        allowed_hosts=[f"{name}:*" for name in names],
        allowed_origins=[f"http://{name}:*" for name in names],
    )
    # Without sessions nothing is left of a token when its request is over
    app = server(gateway).streamable_http_app(host=host, stateless_http=True, transport_security=security)
    config = uvicorn.Config(
        _Guard(app, gateway), log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    with bound(host, port, "--http") as listener:
        shown = f"[{host}]" if ":" in host else host
        print(json.dumps({"ready": True, "url": f"http://{shown}:{listener.getsockname()[1]}/mcp"}), flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])


class _Guard:
    """Lets a request through whose token the gateway knows, and as much of it as may come."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                token = _token(Headers(scope=scope))
                await asyncio.to_thread(lambda: self._gateway(token).get(_WHOAMI))
            except (RefusedError, ToolError) as error:
                await _refuse(send, 401, str(error))
                return
            except GanglionError as error:
                await _refuse(send, 503, str(error))
                return
            length = Headers(scope=scope).get("content-length", "0")
            if not (length.isascii() and length.isdecimal()) or int(length) > _MAX_BODY:
                await _refuse(send, 413, f"a request has at most {_MAX_BODY} bytes")
                return
            receive = _bounded(receive)
        await self._app(scope, receive, send)


def _bounded(receive: Receive) -> Receive:
    """Ends a body that said no length, where it has more than it may."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return message if size <= _MAX_BODY else {"type": "http.disconnect"}

    return bounded


def _token(headers: Mapping[str, str] | None) -> str:
    """The token that a request brings; "" for stdio, which has none.

    Raises:
        ToolError: a request over HTTP without one.
    """
    if headers is None:
        return ""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ToolError("say who you are: Authorization: Bearer and a token of the gateway")
    return token.strip()


async def _refuse(send: Send, status: int, detail: str) -> None:
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = [(b"content-type", b"application/problem+json")]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="ganglion"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})
