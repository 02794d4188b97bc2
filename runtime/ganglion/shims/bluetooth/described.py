# SPDX-License-Identifier: GPL-3.0-or-later
"""A peripheral as a configuration describes it: it advertises, is connected to, and keeps what is written."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from ganglion.shims.bluetooth import payload
from ganglion.shims.bluetooth.radio import Advert, Entry, Served, ServiceTable
from ganglion.shims.bluetooth.sim import Ether, SimPeripheral
from ganglion.shims.settings import PROPERTIES, Characteristic, Peripheral, uuid

#: Low energy alone, and found by whoever looks.
_FLAGS = 0x06
_RANDOM = 1
#: The longest value (Core specification, volume 3, part F, 3.2.9).
_LONGEST = 512


class _Entry:
    """A value that is what was last written."""

    append = False

    def __init__(self, said: Characteristic) -> None:
        self.uuid = uuid(said.uuid)
        self.flags = sum(PROPERTIES[each] for each in said.properties)
        self.value = bytes.fromhex(said.value)
        self.handle = 0
        self.room = _LONGEST
        self.every = said.every / 1000

    def asked(self, link: Served) -> int:
        return 0

    def written(self, link: Served) -> None:
        """Kept."""


def described(ether: Ether, said: Peripheral, characteristics: Sequence[Characteristic]) -> SimPeripheral:
    """Puts it into the ether.

    Raises:
        ValueError: what it says of itself has no room in an advertisement.
    """
    entries = [(uuid(each.service), _Entry(each)) for each in characteristics]
    services: dict[bytes, list[tuple[Entry, Sequence[Entry]]]] = {}
    for service, entry in entries:
        services.setdefault(service, []).append((entry, ()))
    table: list[ServiceTable] = list(services.items())
    data, response = payload.built(
        flags=_FLAGS,
        services=services,
        name=said.name.encode(),
        appearance=0,
        manufacturer=(said.manufacturer[0], bytes.fromhex(said.manufacturer[1])) if said.manufacturer else None,
    )
    made = SimPeripheral(ether, (_RANDOM, bytes.fromhex(said.address.replace(":", ""))), said.rssi)
    made.table.fill(table)
    periodic = [entry for _, entry in entries if entry.every]

    def connected(link: Served) -> None:
        timers = [_Every(entry.every, partial(made.send, entry)) for entry in periodic]

        def lost() -> None:
            for each in timers:
                each.stop()
            say()

        link.listen(lost, lambda mtu: None)

    def say() -> None:
        made.advertise(Advert(data, response, connectable=True), connected)

    say()
    return made


class _Every:
    """Calls a function again and again, so many seconds apart."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds, self._call = seconds, call
        self._begin()

    def _begin(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._ring)

    def _ring(self) -> None:
        self._begin()
        self._call()

    def stop(self) -> None:
        self._timer.cancel()
