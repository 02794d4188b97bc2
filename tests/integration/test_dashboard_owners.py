# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of the dashboard hears its owner alone, and nobody opens more pages than the gateway can build beside."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect

from ganglion_gateway.dashboard import door
from support.gateway import NO_BROKER, Process, process
from support.waiting import until


@asynccontextmanager
async def viewer(gateway: Process, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may look."""
    made = (await gateway.http.post("/api/v1/api-keys", json={"name": name, "role": "viewer"})).json()
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


def asked(page: str, transport: str) -> str:
    """Where a browser opens the socket of a page."""
    more = f"client_id={page}&implicit_handshake=true&tab_id=t{page}&document_id=d&next_message_id=0"
    return f"/_nicegui_ws/socket.io/?EIO=4&transport={transport}&{more}"


async def welcome(said: Callable[[], Awaitable[str | bytes]]) -> str:
    """What the gateway says first that is of Socket.IO: `40…` for a socket, `44…` for none."""
    while True:
        for packet in str(await said()).split("\x1e"):
            if packet.startswith("4"):
                return packet


class Polling:
    """A socket over HTTP, as where no WebSocket gets through (Engine.IO 4)."""

    def __init__(self, http: httpx.AsyncClient, page: str) -> None:
        self._http = http
        self._way = asked(page, "polling")

    async def open(self) -> str:
        """Says `welcome`."""
        begun = await self._http.get(self._way)
        self._way += f"&sid={json.loads(begun.text[1:])['sid']}"
        await self.send("40")
        return await welcome(self.receive)

    async def send(self, packet: str, *, by: httpx.AsyncClient | None = None) -> int:
        """The status that this has, sent by whoever it is."""
        return (await (by or self._http).post(self._way, content=packet)).status_code

    async def receive(self) -> str:
        """The next packets."""
        return (await self._http.get(self._way)).text


@asynccontextmanager
async def websocket(http: httpx.AsyncClient, page: str) -> AsyncIterator[ClientConnection]:
    """A socket that is to be opened by `40`."""
    url = f"{http.base_url}".replace("http://", "ws://").rstrip("/") + asked(page, "websocket")
    headers = {"authorization": http.headers["authorization"]}
    async with asyncio.timeout(120), connect(url, additional_headers=headers) as client:
        await client.send("40")
        yield client


async def test_a_page_hears_its_owner_alone_and_pages_have_a_rate(tmp_path: Path) -> None:
    async with (
        process(tmp_path / "state", NO_BROKER) as gateway,
        viewer(gateway, "ann") as ann,
        viewer(gateway, "bob") as bob,
    ):
        hers, his = await opened(ann), await opened(bob)
        refused = '44{"message":"Implicit handshake failed"}'  # for which a browser loads the page anew
        assert await Polling(bob, hers).open() == refused
        async with websocket(bob, hers) as client:
            assert await welcome(client.recv) == refused

        def heard(what: str) -> bool:
            return what in gateway.log.read_text()

        def log(page: str, said: str) -> str:
            return "42" + json.dumps(["log", {"client_id": page, "level": "error", "message": said}])

        she = Polling(ann, hers)
        assert (await she.open()).startswith("40")
        async with websocket(bob, his) as he:
            assert (await welcome(he.recv)).startswith("40")
            knock = ["handshake", {"client_id": hers, "tab_id": f"t{hers}", "document_id": "d"}]
            for packet in (f"421{json.dumps(knock)}", log(hers, "of his to hers"), '42["log",["no","page"]]'):
                await he.send(packet)
            answer = ""
            while not answer.startswith("431"):
                answer = await welcome(he.recv)
            assert answer == "431[false]"
            await he.send(log(his, "of his to his"))
            await until(lambda: heard("of his to his"))
        assert await she.send(log(hers, "of his by her connection"), by=bob) == 403
        assert await she.send(log(hers, "of hers to hers")) == 200
        await until(lambda: heard("of hers to hers"))
        assert not heard("of his to hers")
        assert not heard("of his by her connection")

        for _ in range(8 * door.BURST):
            if (await ann.get("/nowhere")).status_code == 429:
                break
        else:
            raise AssertionError("any number of pages")
        assert (await bob.get("/audit")).status_code == 200
        assert (await ann.get("/api/v1/nodes")).status_code == 200
