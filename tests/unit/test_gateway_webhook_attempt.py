# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to deliver: whatever is wrong with it, it has failed, and says why."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from ganglion_gateway.webhook import connection, signature
from ganglion_gateway.webhook.attempt import Attempt, Sender, sample
from ganglion_gateway.webhook.channel import Channel
from support.mesh import NOW


async def attempt(url: str, **event: Any) -> Attempt:
    row = {"id": "wh_1", "url": url, "secret": signature.new_secret(), "former_secret": None, "former_until": None}
    row["allow_private"] = True
    made: list[Attempt] = []
    with Channel(Sender(row, mesh="m", agent="test", clock=lambda: NOW, headers=lambda event, endpoint: {})) as channel:
        await channel.send([{**sample(NOW), **event}], made, goes_on=lambda: True)
    return made[0]


@pytest.mark.parametrize("host", ["hook..example", ".hook.example", f"{'x' * 64}.example"])
async def test_a_host_that_has_no_name_of_dns_cannot_be_resolved(host: str) -> None:
    tried = await attempt(f"http://{host}/")
    assert tried.status is None
    assert tried.error.startswith(f"the name {host} cannot be resolved")


async def test_a_message_that_cannot_be_sent_has_failed() -> None:
    tried = await attempt("http://127.0.0.1:1/", value="\ud800")
    assert (tried.status, tried.error.partition(":")[0]) == (None, "UnicodeEncodeError")


@pytest.mark.parametrize(("status", "why"), [("200 OK", ""), ("500 No", "HTTP status 500")])
async def test_the_status_decides_though_its_answer_does_not_end(
    monkeypatch: pytest.MonkeyPatch, status: str, why: str
) -> None:
    monkeypatch.setattr(connection, "_POST", 2_000)
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n".encode())
        with suppress(OSError):
            while await reader.read(1024):
                pass  # until the client is gone
            writer.close()
            await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        tried = await attempt(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await asyncio.wait_for(gone.wait(), 30)
    assert (tried.status, tried.error) == (int(status[:3]), why)
