# SPDX-License-Identifier: GPL-3.0-or-later
"""A radio in memory: whoever is in the same `Ether` hears the others, and itself."""

import asyncio
from collections.abc import Callable, Sequence

from ganglion.shims.bluetooth.radio import (
    ADV_IND,
    ADV_NONCONN_IND,
    SCAN_RSP,
    Address,
    Advert,
    Entry,
    Heard,
    Report,
    Served,
    ServiceTable,
)
from ganglion.shims.bluetooth.sim_link import SimLink
from ganglion.shims.bluetooth.table import Table


class Ether:
    """What peripherals say, and who listens."""

    def __init__(self) -> None:
        self.peripherals: list[SimPeripheral] = []
        self._scanners: dict[Callable[[Report], None], bool] = {}
        self._waiting: list[tuple[Address, asyncio.Future[SimPeripheral]]] = []

    def listen(self, found: Callable[[Report], None], *, active: bool) -> None:
        """Has a function called with what is said, and has been."""
        self._scanners[found] = active
        for each in self.peripherals:
            self._tell(each, found, active)

    def deafen(self, found: Callable[[Report], None]) -> None:
        self._scanners.pop(found, None)

    def says(self, peripheral: "SimPeripheral") -> None:
        """It advertises from now on."""
        for found, active in list(self._scanners.items()):
            self._tell(peripheral, found, active)
        if peripheral.is_open:
            for address, future in self._waiting:
                if address == peripheral.address and not future.done():
                    future.set_result(peripheral)
                    break

    async def connectable(self, address: Address) -> "SimPeripheral":
        """A peripheral of that address, when it can be connected to."""
        for each in self.peripherals:
            if each.address == address and each.is_open:
                return each
        future: asyncio.Future[SimPeripheral] = asyncio.get_running_loop().create_future()
        entry = address, future
        self._waiting.append(entry)
        try:
            return await future
        finally:
            self._waiting.remove(entry)

    def _tell(self, peripheral: "SimPeripheral", found: Callable[[Report], None], active: bool) -> None:
        if (advert := peripheral.advert) is None:
            return
        kind = ADV_IND if advert.connectable else ADV_NONCONN_IND
        found(Report(peripheral.address, kind, peripheral.rssi, advert.data))
        if active and advert.response:
            found(Report(peripheral.address, SCAN_RSP, peripheral.rssi, advert.response))


class SimPeripheral:
    """A device that advertises, and serves what its table has.

    Args:
        rssi: How loud it is heard, in dBm.
    """

    def __init__(self, ether: Ether, address: Address, rssi: int = -50) -> None:
        self.address, self.rssi = address, rssi
        self.table = Table()
        self.advert: Advert | None = None
        self.links: list[SimLink] = []
        self._ether = ether
        self._connected: Callable[[Served], None] = lambda link: None
        ether.peripherals.append(self)

    @property
    def is_open(self) -> bool:
        """Whether a central can connect now."""
        return self.advert is not None and self.advert.connectable

    def advertise(self, advert: Advert | None, connected: Callable[[Served], None]) -> None:
        """As `Radio.advertise`."""
        self.advert, self._connected = advert, connected
        if advert is not None:
            self._ether.says(self)

    def accept(self, central: Address, heard: Heard, lost: Callable[[], None]) -> SimLink:
        """A connection from a central; it is silent afterwards."""
        link = SimLink(self.table, central, heard, lost, self.links.remove)
        self.links.append(link)
        self.advert = None
        self._connected(link.served)
        return link

    def value(self, uuid: bytes) -> Entry:
        """The first characteristic of this UUID.

        Raises:
            KeyError: there is none.
        """
        return self.table.named(uuid)

    def send(self, entry: Entry) -> None:
        """Tells its value to who has subscribed to it."""
        for link in list(self.links):
            link.update(entry)


class SimRadio:
    """A board's own: a peripheral, and a central that finds every peripheral of the ether, its own too."""

    def __init__(self, ether: Ether, mac: Address) -> None:
        self._ether = ether
        self._own = SimPeripheral(ether, mac)
        self._found: Callable[[Report], None] | None = None
        self._made: list[SimLink] = []

    @property
    def mac(self) -> Address:
        return self._own.address

    async def scan(self, found: Callable[[Report], None], *, active: bool) -> None:
        self._found = found
        self._ether.listen(found, active=active)

    async def stop_scan(self) -> None:
        if self._found is not None:
            self._ether.deafen(self._found)
            self._found = None

    async def connect(self, address: Address, heard: Heard, lost: Callable[[], None]) -> SimLink:
        link = (await self._ether.connectable(address)).accept(self.mac, heard, lost)
        self._made.append(link)
        return link

    def serve(self, services: Sequence[ServiceTable]) -> None:
        self._own.table.fill(services)

    def update(self, entry: Entry) -> None:
        self._own.send(entry)

    def advertise(self, advert: Advert | None, connected: Callable[[Served], None]) -> None:
        self._own.advertise(advert, connected)

    def stop(self) -> None:
        self._own.advert = None
        if self._found is not None:
            self._ether.deafen(self._found)
            self._found = None
        for link in [*self._made, *self._own.links]:
            link.cut()
        self._made.clear()
