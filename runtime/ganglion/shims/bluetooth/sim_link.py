# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection in memory: what the client asks for, the server's table answers, in packets of the agreed size."""

import asyncio
from collections.abc import Callable, Sequence

from ganglion.shims.bluetooth.radio import (
    DEFAULT_MTU,
    INDICATE,
    INDICATES,
    NOTIFIES,
    NOTIFY,
    Address,
    Entry,
    GattRefusedError,
    Heard,
    RemoteCharacteristic,
    RemoteService,
)
from ganglion.shims.bluetooth.table import Table

#: Of a write, a notification and an indication: one byte says which, two the handle.
_HEADER = 3
#: The longest value of all (part F, 3.2.9), with its header.
_LARGEST_MTU = 515
_INVALID_HANDLE = 0x01


class SimServed:
    """The side of a connection that was connected to: `Served`."""

    def __init__(self, link: "SimLink", central: Address) -> None:
        self.central = central
        self.mtu: int | None = None
        self._link = link
        self._lost: Callable[[], None] = lambda: None
        self._exchanged: Callable[[int], None] = lambda mtu: None

    def listen(self, lost: Callable[[], None], exchanged: Callable[[int], None]) -> None:
        self._lost, self._exchanged = lost, exchanged

    def notify(self, handle: int, data: bytes) -> None:
        self._link.hears(handle, data, False)

    async def indicate(self, handle: int, data: bytes) -> None:
        await asyncio.sleep(0)
        self._link.hears(handle, data, True)

    def subscription(self, handle: int) -> int:
        return self._link.subscriptions.get(handle, 0)

    async def disconnect(self) -> None:
        await self._link.disconnect()

    def agreed(self, mtu: int) -> None:
        """The client has asked for an MTU, and this is it."""
        self.mtu = mtu
        self._exchanged(mtu)

    def ended(self) -> None:
        self._lost()


class SimLink:
    """The side that made it: `Link`.

    Args:
        closed: Called with this when it ends, before both sides are told.
    """

    def __init__(
        self,
        table: Table,
        central: Address,
        heard: Heard,
        lost: Callable[[], None],
        closed: "Callable[[SimLink], None]",
    ) -> None:
        self.served = SimServed(self, central)
        self.subscriptions: dict[int, int] = {}
        self._table, self._heard, self._lost, self._closed = table, heard, lost, closed
        self._mtu = DEFAULT_MTU
        self._is_up = True

    async def services(self) -> Sequence[RemoteService]:
        await asyncio.sleep(0)
        return list(self._table.services)

    async def read(self, handle: int) -> bytes:
        await asyncio.sleep(0)
        if handle in self._table.subscribable:
            return self.subscriptions.get(self._table.subscribable[handle], 0).to_bytes(2, "little")
        entry = self._entry(handle)
        if status := entry.asked(self.served):
            raise GattRefusedError(status)
        return entry.value

    async def write(self, handle: int, data: bytes, response: bool) -> None:
        await asyncio.sleep(0)
        if handle in self._table.subscribable:
            self.subscriptions[self._table.subscribable[handle]] = int.from_bytes(data[:2], "little")
            return
        entry = self._entry(handle)
        data = data[: self._mtu - _HEADER]
        entry.value = ((entry.value if entry.append else b"") + data)[: max(entry.room, 0)]
        entry.written(self.served)

    async def subscribe(self, characteristic: RemoteCharacteristic, bits: int) -> None:
        for cccd, handle in self._table.subscribable.items():
            if handle == characteristic.handle:
                await self.write(cccd, bits.to_bytes(2, "little"), True)
                return
        raise ValueError("CCCD not found")

    async def exchange_mtu(self, mtu: int) -> int:
        await asyncio.sleep(0)
        self._mtu = min(max(mtu, DEFAULT_MTU), _LARGEST_MTU)
        self.served.agreed(self._mtu)
        return self._mtu

    async def disconnect(self) -> None:
        await asyncio.sleep(0)
        self.cut()

    def cut(self) -> None:
        """Ends it, and tells both."""
        if self._is_up:
            self._is_up = False
            self._closed(self)
            self.served.ended()
            self._lost()

    def hears(self, handle: int, data: bytes, indication: bool) -> None:
        """The client gets as much as one packet has room for."""
        if self._is_up:
            self._heard(handle, data[: self._mtu - _HEADER], indication)

    def update(self, entry: Entry) -> None:
        """Sends a value as the client has subscribed to it, if it has."""
        bits = self.subscriptions.get(entry.handle, 0)
        if bits & NOTIFIES and entry.flags & NOTIFY:
            self.hears(entry.handle, entry.value, False)
        elif bits & INDICATES and entry.flags & INDICATE:
            self.hears(entry.handle, entry.value, True)

    def _entry(self, handle: int) -> Entry:
        if (entry := self._table.entries.get(handle)) is None:
            raise GattRefusedError(_INVALID_HANDLE)
        return entry
