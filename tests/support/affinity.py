# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before two gateways: a TCP proxy that keeps a browser with the one that its cookie names, as an ingress
does, and gives it to another one where that is gone."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

#: Name of the cookie.
COOKIE = "route"
#: Seconds in which the head of a request has to come.
_PATIENCE = 30.0


class Proxy:
    """Listens on loopback.

    Attributes:
        url: Where.
        taken: How many connections each got, by its name.
    """

    def __init__(self, gateways: Mapping[str, str]) -> None:
        self._gateways = dict(gateways)
        self.taken = dict.fromkeys(gateways, 0)
        self.url = ""
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: its first request says where it goes."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rf"\b{COOKIE}=(\w+)".encode(), head)
                inner, outer = await self._reached(found[1].decode() if found else "")
                try:
                    outer.write(head)
                    await asyncio.wait(
                        [asyncio.create_task(_copy(reader, outer)), asyncio.create_task(_copy(inner, writer))],
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    outer.close()
        finally:
            writer.close()
            self._open.discard(task)

    async def _reached(self, wanted: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for name in sorted(self._gateways, key=lambda name: name != wanted):
            where = urlsplit(self._gateways[name])
            with suppress(OSError):
                streams = await asyncio.open_connection(where.hostname, where.port)
                self.taken[name] += 1
                return streams
        raise ConnectionError("none is there")

    async def end(self) -> None:
        """Ends what is open."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxy(gateways: Mapping[str, str]) -> AsyncIterator[Proxy]:
    """A proxy before gateways, by name and URL, until the block ends."""
    made = Proxy(gateways)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await made.end()
