# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook receiver of `ganglion bench gateway`, a process of its own: takes everything, and believes it later.

It answers 204 at once and keeps what came with the time. Signatures are verified and ids counted when it is asked for a
report, so that it costs the sender as little as a receiver can.
"""

import asyncio
import json
import sys
import time
from typing import cast

from ganglion.units import MILLISECOND
from ganglion_gateway.webhook.signature import is_signed, key_of
from ganglion_tools.bench.gateway_worker import Document, serve, spread

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_END = b"\r\n\r\n"


class Receiver:
    """All that came.

    Args:
        secret: Of the endpoint.
    """

    def __init__(self, secret: str) -> None:
        self._keys = [key_of(secret)]
        self.came: list[tuple[int, bytes, bytes]] = []

    async def wait(self, count: int, silence: float) -> Document:
        """Returns when so many requests came, or none for so many seconds; how many did."""
        seen, until = -1, 0.0
        while len(self.came) < count:
            if seen != len(self.came):
                seen, until = len(self.came), time.monotonic() + silence
            elif time.monotonic() > until:
                break
            await asyncio.sleep(0.01)
        return {"came": len(self.came)}

    async def quiet(self, seconds: float) -> Document:
        """Returns when nothing came for so many seconds; how many did in all."""
        return await self.wait(sys.maxsize, seconds)

    async def report(self, first: int = 0, last: int | None = None) -> Document:
        """What is to be known of the requests from number `first` to `last`, and of how they came.

        Times are milliseconds from the event's own timestamp, of the first request with each event.
        """
        came = self.came[first:last]
        late: dict[str, float] = {}
        copies = forged = 0
        for at, head, body in came:
            if not self._is_signed(head, body):
                forged += 1
                continue
            event = json.loads(body)
            if event["id"] in late:
                copies += 1
            else:
                late[event["id"]] = (at - event["data"]["timestamp"]) / MILLISECOND
        seconds = (came[-1][0] - came[0][0]) / 1e9 if came else 0.0
        return {
            "requests": len(came),
            "events": len(late),
            "copies": copies,
            "forged": forged,
            "seconds": seconds,
            **spread(list(late.values())),
        }

    async def forget(self) -> Document:
        """Begins anew."""
        self.came.clear()
        return {}

    def _is_signed(self, head: bytes, body: bytes) -> bool:
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        headers = {name.lower(): value.strip() for name, _, value in lines}
        return is_signed(
            self._keys,
            headers["webhook-id"],
            body,
            headers["webhook-signature"],
            seconds=int(headers["webhook-timestamp"]),
        )


class _Http(asyncio.Protocol):
    """As much of HTTP/1.1 as a POST with a Content-Length needs."""

    def __init__(self, receiver: Receiver) -> None:
        self._came = receiver.came
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            head = self._buffer[:end]
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            self._came.append((time.time_ns(), head, self._buffer[end + 4 : end + 4 + length]))
            self._buffer = self._buffer[end + 4 + length :]
            self._transport.write(_ANSWER)


async def main(port: int, secret: str) -> None:
    """Listens on loopback until stdin ends."""
    receiver = Receiver(secret)
    await asyncio.get_running_loop().create_server(lambda: _Http(receiver), "127.0.0.1", port)
    await serve({name: getattr(receiver, name) for name in ("wait", "quiet", "report", "forget")})


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
