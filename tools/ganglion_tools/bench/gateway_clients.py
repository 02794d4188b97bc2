# SPDX-License-Identifier: GPL-3.0-or-later
"""Many WebSocket clients in one process, of the gateway's `/ws` or of a server that does nothing else, and that server.

python -m ganglion_tools.bench.gateway_clients clients
python -m ganglion_tools.bench.gateway_clients server
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType, web

from ganglion.errors import UnreachableError
from ganglion.units import MILLISECOND
from ganglion_tools.bench.gateway_worker import PATIENCE, Document, serve, spread

#: Connections that are being made at a time.
_AT_ONCE = 50
_SUBSCRIBE = json.dumps({"type": "subscribe", "channels": ["events/#"]})


class Clients:
    """All of them, following events."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None
        self._reading: list[asyncio.Task[None]] = []
        self._heard: list[float] = []

    async def connect(self, url: str, token: str, count: int) -> Document:
        """So many clients that have subscribed; seconds until the last one had."""
        self._session = ClientSession(connector=TCPConnector(limit=0))
        turns = asyncio.Semaphore(_AT_ONCE)
        began = time.monotonic()
        async with asyncio.timeout(10 * PATIENCE):
            sockets = await asyncio.gather(*(self._one(url, token, turns) for _ in range(count)))
        seconds = time.monotonic() - began
        self._reading = [asyncio.create_task(self._read(socket)) for socket in sockets]
        return {"seconds": seconds}

    async def _one(self, url: str, token: str, turns: asyncio.Semaphore) -> ClientWebSocketResponse:
        assert self._session is not None
        async with turns:
            headers = {"authorization": f"Bearer {token}"}
            socket = await self._session.ws_connect(url, headers=headers, max_msg_size=2**20)
            await socket.receive()  # the welcome
            await socket.send_str(_SUBSCRIBE)
            await socket.receive()
            return socket

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                now = time.time_ns()
                said = json.loads(message.data)
                if "data" in said:
                    self._heard.append((now - said["data"]["timestamp"]) / MILLISECOND)

    async def heard(self, count: int) -> Document:
        """How long events took to clients, in milliseconds, once that many were heard in all; then begins anew.

        Raises:
            UnreachableError: they are not.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while len(self._heard) < count:  # noqa: ASYNC110 - who reads does nothing for who waits
                    await asyncio.sleep(0.02)
        heard, self._heard = self._heard, []
        if len(heard) != count:
            raise UnreachableError(f"{len(heard)} of {count} messages came to the clients")
        return spread(heard)

    async def close(self) -> Document:
        """All go."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        return {}


class Server:
    """The least that tells all clients of something: the same frames, no token, no filter, nothing kept."""

    def __init__(self) -> None:
        self._sockets: list[web.WebSocketResponse] = []
        self._number = 0

    async def listen(self, port: int) -> Document:
        """Listens on loopback."""
        app = web.Application()
        app.router.add_get("/ws", self._serve)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return {}

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        await socket.send_str(json.dumps({"type": "welcome"}))
        self._sockets.append(socket)
        async for _ in socket:
            await socket.send_str(json.dumps({"type": "subscribed"}))
        return socket

    async def tell(self) -> Document:
        """Says one event to all."""
        self._number += 1
        data = {"timestamp": time.time_ns(), "topic": "alert/bench", "value": {"number": self._number, "celsius": 20.1}}
        text = json.dumps({"type": "message", "channel": "events/n0x0/alert", "data": data})
        for socket in self._sockets:
            await socket.send_str(text)
        return {}


async def main(which: str) -> None:
    """Does what stdin asks, until it ends."""
    if which == "server":
        server = Server()
        await serve({"listen": server.listen, "tell": server.tell})
    else:
        clients = Clients()
        await serve({name: getattr(clients, name) for name in ("connect", "heard", "close")})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
