# SPDX-License-Identifier: GPL-3.0-or-later
"""A bad way between devices and a UDP port on this machine: it loses, doubles, delays and reorders, from one seed."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

#: Seconds that a datagram is held back which others are to overtake.
_LATE = 0.03


class BadLink:
    """The way, there and back, for any number of devices.

    Args:
        to: UDP port of 127.0.0.1 that it leads to.
        loss, double, late: The shares of datagrams that are lost, come twice, and come later than those behind them.
        seed: Of what is whose fate.

    Attributes:
        port: UDP port of 127.0.0.1 on which devices reach it.
        cut: Whether nothing passes at all.
        counts: Datagrams by what became of them: `passed`, `lost`, `doubled`, `late`.
    """

    def __init__(self, to: int, *, loss: float, double: float, late: float, seed: int) -> None:
        self.port = 0
        self.cut = False
        self.counts: Counter[str] = Counter()
        self._to = to
        self._shares = (loss, double, late)
        self._dice = random.Random(seed)
        self._ways: dict[Any, asyncio.DatagramTransport] = {}

    def carry(self, way: asyncio.DatagramTransport, data: bytes, address: Any = None) -> None:
        """A datagram goes its way, or does not."""
        loss, double, late = self._shares
        if self.cut or self._dice.random() < loss:
            self.counts["lost"] += 1
            return
        self.counts["passed"] += 1
        times = 2 if self._dice.random() < double else 1
        self.counts["doubled"] += times - 1
        for _ in range(times):
            if self._dice.random() < late:
                self.counts["late"] += 1
                asyncio.get_running_loop().call_later(_LATE, _send, way, data, address)
            else:
                _send(way, data, address)

    async def way(self, address: Any, front: asyncio.DatagramTransport) -> asyncio.DatagramTransport:
        """The socket by which a device is known behind the link."""
        if address not in self._ways:
            made, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _End(lambda data, _: self.carry(front, data, address)), remote_addr=("127.0.0.1", self._to)
            )
            self._ways[address] = made
        return self._ways[address]

    def close(self) -> None:
        """Lets go of every socket."""
        for way in self._ways.values():
            way.close()


class _End(asyncio.DatagramProtocol):
    def __init__(self, heard: Any) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._heard(data, addr)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens behind it yet."""


@asynccontextmanager
async def bad_link(
    to: int, *, loss: float = 0.05, double: float = 0.0, late: float = 0.0, seed: int = 1
) -> AsyncIterator[BadLink]:
    """A link that is there until the block ends; see `BadLink`."""
    link = BadLink(to, loss=loss, double=double, late=late, seed=seed)
    waiting: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()
    front, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _End(lambda data, address: waiting.put_nowait((data, address))), local_addr=("127.0.0.1", 0)
    )
    link.port = front.get_extra_info("sockname")[1]

    async def forward() -> None:
        while True:
            data, address = await waiting.get()
            link.carry(await link.way(address, front), data)

    forwarding = asyncio.create_task(forward())
    try:
        yield link
    finally:
        forwarding.cancel()
        link.close()
        front.close()


def _send(way: asyncio.DatagramTransport, data: bytes, address: Any) -> None:
    if not way.is_closing():
        cast(Any, way).sendto(data, address)
