# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble.peripheral`: advertising, and who connects."""

import asyncio
from collections.abc import Iterable
from typing import Any

from ganglion.shims.bluetooth import payload
from ganglion.shims.bluetooth.radio import Advert, Served
from ganglion.shims.buffers import readable
from ganglion.shims.modules.aioble import core
from ganglion.shims.modules.aioble.device import Device, DeviceConnection, DeviceTimeout
from ganglion.shims.modules.asyncio.event import ThreadSafeFlag
from ganglion.shims.modules.bluetooth import UUID

_connections: dict[Served, DeviceConnection] = {}


def connection_of(link: Served) -> DeviceConnection | None:
    """The connection that a script has for one of the radio's."""
    return _connections.get(link)


async def advertise(
    interval_us: int,
    adv_data: Any = None,
    resp_data: Any = None,
    connectable: bool = True,
    limited_disc: bool = False,
    br_edr: bool = False,
    name: Any = None,
    services: Iterable[UUID] | None = None,
    appearance: int = 0,
    manufacturer: tuple[int, bytes] | None = None,
    timeout_ms: int | None = None,
) -> DeviceConnection | None:
    """Says these things until a central connects, and returns that connection; None where the task is cancelled.

    Args:
        interval_us: Taken as given: whoever scans hears it at once.
        adv_data, resp_data: What is said as it is; else it is made of the others.

    Raises:
        asyncio.TimeoutError: nobody has connected.
        ValueError: it is too long.
        NotImplementedError: over BlueZ, a script does not advertise.
    """
    if not adv_data and not resp_data:
        adv_data, resp_data = payload.built(
            flags=(0x01 if limited_disc else 0x02) + (0x18 if br_edr else 0x04),
            services=[bytes(each) for each in services or ()],
            name=readable(name or b""),
            appearance=appearance,
            manufacturer=manufacturer and (manufacturer[0], readable(manufacturer[1])),
        )
    came: list[DeviceConnection] = []
    flag = ThreadSafeFlag()

    def connected(served: Served) -> None:
        connection = DeviceConnection(Device(*served.central))
        connection._begin(served=served)
        for each in [each for each, known in _connections.items() if not known.is_connected()]:
            del _connections[each]
        _connections[served] = connection
        came.append(connection)
        flag.set()

    radio = core.radio()
    radio.advertise(Advert(readable(adv_data or b""), readable(resp_data or b""), connectable), connected)
    try:
        with DeviceTimeout(None, timeout_ms):
            await flag.wait()
    except asyncio.CancelledError:
        radio.advertise(None, connected)
        return None
    except TimeoutError:
        radio.advertise(None, connected)
        raise
    return came[0]


core.at_end(_connections.clear)
