# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page is told where the API behind it is broken: an error that it can show, never the bare exception."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from ganglion.client.operations import fleet, logs
from ganglion.errors import GanglionError, UnreachableError
from ganglion_gateway import problems
from ganglion_gateway.client import AsyncGatewayClient
from ganglion_gateway.dashboard import asking


@pytest.fixture
def client() -> AsyncGatewayClient:
    app = FastAPI()
    problems.install(app)

    @app.get("/api/v1/fleet/health")
    async def health() -> None:
        raise KeyError("ours")

    @app.get("/api/v1/logs/watch")
    async def watch(node: str, level: str | None = None) -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            yield '{"text": "one"}\n'
            if node == "broken":
                raise KeyError("ours")

        if node == "none":
            raise KeyError("ours")
        return StreamingResponse(lines())

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"gateway.test")], "query_string": b""}
    scope |= {"server": ("gateway.test", 80), "scheme": "http", "client": ("192.0.2.1", 1)}
    return asking.client(app, Request(scope), "en")


async def test_what_fails_behind_the_api_is_its_500(client: AsyncGatewayClient) -> None:
    with pytest.raises(GanglionError, match="the gateway failed here; its log says why"):
        await client.ask(fleet.get_fleet_health())


async def test_a_stream_that_breaks_off_has_not_ended(client: AsyncGatewayClient) -> None:
    seen: list[Any] = []

    async def follow(node: str) -> None:
        async for line in client.follow(logs.get_logs_watch(node=node)):
            seen.append(line)  # noqa: PERF401 -- a comprehension gives nothing where it breaks off

    await follow("whole")
    with pytest.raises(UnreachableError, match="broke off its answer"):
        await follow("broken")
    assert seen == [{"text": "one"}] * 2
    with pytest.raises(GanglionError, match="the gateway failed here"):
        await follow("none")
