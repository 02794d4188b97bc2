# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP package's own client, connected to `ganglion mcp` in a process of its own over either transport."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


def environment(gateway: str, token: str) -> dict[str, str]:
    """What a process needs to find the gateway."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("GANGLION_", "PYTEST_"))}
    known |= {"PYTHONPATH": os.pathsep.join(sys.path), "GANGLION_GATEWAY": gateway}
    return {**known, "GANGLION_TOKEN": token} if token else known


@asynccontextmanager
async def stdio(gateway: str, token: str, words: Sequence[str] = ("mcp",)) -> AsyncIterator[Client]:
    """A client that has started the server itself, by `ganglion` and these words."""
    command = ["-m", "ganglion", *words]
    parameters = StdioServerParameters(command=sys.executable, args=command, env=environment(gateway, token))
    async with asyncio.timeout(120), Client(stdio_client(parameters)) as client:
        yield client


@asynccontextmanager
async def http_server(gateway: str, words: Sequence[str] = ("mcp", "--http", "127.0.0.1:0")) -> AsyncIterator[str]:
    """The server over HTTP, which has no token of its own; its URL."""
    command = [sys.executable, "-m", "ganglion", *words]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=environment(gateway, "")
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)


@asynccontextmanager
async def over_http(url: str, token: str) -> AsyncIterator[Client]:
    """A client of such a server, with a token in each request."""
    headers = {"authorization": f"Bearer {token}"}
    async with (
        asyncio.timeout(120),
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client
