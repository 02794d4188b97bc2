# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP as a way between leaves and their parent: each datagram is a message."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from ganglion.mesh.leaves.effects import Way


class Port(asyncio.DatagramProtocol):
    """Whoever was heard is answered where it was heard from."""

    def __init__(self, hear: Callable[[bytes, Way], None]) -> None:
        self._hear = hear
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """A message came from there."""
        transport = self._transport
        assert transport is not None

        def back(answer: bytes) -> None:
            with suppress(OSError):  # it is sent again if it matters
                transport.sendto(answer, addr)

        self._hear(data, back)

    def error_received(self, exc: Exception) -> None:
        """A leaf that went away: its silence says the same."""
