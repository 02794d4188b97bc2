# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of the dashboard hears its owner alone, and nobody opens more pages than the gateway can build beside."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest
import socketio

from ganglion_gateway.dashboard import door
from support.gateway import NO_BROKER, Process, process
from support.waiting import until


@asynccontextmanager
async def operator(gateway: Process, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do what a page of his does by polling, too."""
    made = (await gateway.http.post("/api/v1/api-keys", json={"name": name, "role": "operator"})).json()
    headers = {"authorization": f"Bearer {made['token']}"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as http:
        yield http


async def opened(http: httpx.AsyncClient) -> str:
    """The id of a page that somebody has opened."""
    answer = await http.get("/audit")
    assert answer.status_code == 200
    found = re.search(r"client_id\W+([0-9a-f-]{36})", answer.text)
    assert found is not None, answer.text[-2000:]
    return found[1]


@asynccontextmanager
async def socket(http: httpx.AsyncClient, page: str, transport: str) -> AsyncIterator[socketio.AsyncClient]:
    """A socket to a page, as its browser opens it.

    Raises:
        ConnectionError: of socketio; it is refused.
    """
    asked = f"client_id={page}&implicit_handshake=true&tab_id=t{page}&document_id=d&next_message_id=0"
    async with aiohttp.ClientSession(headers={"authorization": http.headers["authorization"]}) as session:
        client = socketio.AsyncClient(reconnection=False, http_session=session)
        where = f"{http.base_url}?{asked}"
        path = "/_nicegui_ws/socket.io"
        try:
            await client.connect(where, transports=[transport], socketio_path=path, wait_timeout=60)
            yield client
        finally:
            await client.disconnect()
            await client.eio.wait()


async def test_a_page_hears_its_owner_alone_and_pages_have_a_rate(tmp_path: Path) -> None:
    async with (
        process(tmp_path / "state", NO_BROKER) as gateway,
        operator(gateway, "ann") as ann,
        operator(gateway, "bob") as bob,
    ):
        hers, his = await opened(ann), await opened(bob)
        for transport in ("websocket", "polling"):
            with pytest.raises(socketio.exceptions.ConnectionError):
                async with socket(bob, hers, transport):
                    pass

        def heard(what: str) -> bool:
            return what in gateway.log.read_text()

        async with socket(ann, hers, "polling") as she, socket(bob, his, "websocket") as he:
            asked = {"client_id": hers, "tab_id": f"t{hers}", "document_id": "d"}
            assert await he.call("handshake", asked) is False
            for page, said in ((hers, "of his to hers"), (his, "of his to his")):
                await he.emit("log", {"client_id": page, "level": "error", "message": said})
            await he.emit("log", ["no", "page"])
            await until(lambda: heard("of his to his"))
            await she.emit("log", {"client_id": hers, "level": "error", "message": "of hers to hers"})
            await until(lambda: heard("of hers to hers"))
            assert not heard("of his to hers")
            way = f"/_nicegui_ws/socket.io/?EIO=4&transport=polling&sid={she.eio.sid}"
            assert (await bob.post(way, content="41")).status_code == 403, "nor by the id of her connection"
            assert she.connected

        for _ in range(8 * door.BURST):
            if (await ann.get("/nowhere")).status_code == 429:
                break
        else:
            raise AssertionError("any number of pages")
        assert (await bob.get("/audit")).status_code == 200
        assert (await ann.get("/api/v1/nodes")).status_code == 200
