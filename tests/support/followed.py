# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of `/ws` for tests: of a gateway of this process, over a real socket.

async with followed(site) as socket, socket.follow("events/#") as client: ...
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import cbor2
import websockets
from websockets.asyncio.client import ClientConnection, connect

from support.gateway import Here, served


class Socket:
    """The socket of a gateway.

    Attributes:
        here: The gateway.
        live: What it tells.
    """

    def __init__(self, site: Here, url: str) -> None:
        self.here = site
        self.live = site.services.live
        self.url = url.replace("http", "ws", 1)

    @asynccontextmanager
    async def follow(
        self, *filters: str, token: str = "", cbor: bool = False, **more: Any
    ) -> AsyncIterator[ClientConnection]:
        """A client that has subscribed."""
        async with self.connect(token=token, cbor=cbor) as client:
            assert (await read(client))["type"] == "welcome"
            if filters:
                answer = await ask(client, {"type": "subscribe", "channels": list(filters), **more})
                assert answer["type"] == "subscribed", answer
            yield client

    def connect(self, *, token: str = "", cbor: bool = False) -> Any:
        """A client that has said nothing yet."""
        return connect(
            f"{self.url}/ws",
            additional_headers={"authorization": f"Bearer {token or self.here.token}"},
            subprotocols=[websockets.Subprotocol("ganglion.cbor" if cbor else "ganglion.json")],
            proxy=None,
            max_queue=None,  # a close is seen though nothing was read
        )


@asynccontextmanager
async def followed(site: Here) -> AsyncIterator[Socket]:
    """A gateway's socket."""
    async with served(site) as url:
        yield Socket(site, url)


async def read(client: ClientConnection) -> Any:
    """The next that a client is told."""
    async with asyncio.timeout(60):
        frame = await client.recv()
    return cbor2.loads(frame) if isinstance(frame, bytes) else json.loads(frame)


async def told(client: ClientConnection) -> Any:
    """The next message of a channel, whatever is said beside."""
    while (frame := await read(client))["type"] != "message":
        pass
    return frame


async def ask(client: ClientConnection, document: Any) -> Any:
    """What a client is answered."""
    binary = client.subprotocol == "ganglion.cbor"
    await client.send(cbor2.dumps(document) if binary else json.dumps(document))
    return await read(client)
