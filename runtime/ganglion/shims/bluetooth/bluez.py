# SPDX-License-Identifier: GPL-3.0-or-later
"""BlueZ's radio, by bleak, as a central: a script on Linux scans and connects, and serves nothing."""

import asyncio
import atexit
import contextlib
import importlib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ganglion.shims.bluetooth import payload
from ganglion.shims.bluetooth.bluez_errors import told
from ganglion.shims.bluetooth.bluez_link import BluezLink, uuid_bytes
from ganglion.shims.bluetooth.radio import ADV_IND, Address, Advert, Entry, Heard, Report, Served, ServiceTable
from ganglion.shims.bluetooth.recent import Recent

#: Seconds between two attempts to connect to what was heard and did not answer.
_AGAIN = 0.5
#: Seconds of one attempt.
_ATTEMPT = 30.0


class BluezRadio:
    """An adapter of BlueZ's.

    Args:
        adapter: `hci0`; the first that is switched on where it is empty.

    Raises:
        ImportError: bleak is not installed.
    """

    def __init__(self, adapter: str) -> None:
        self._bleak: Any = importlib.import_module("bleak")
        self._options = {"adapter": adapter} if adapter else {}
        self._scanner: Any = None
        self._devices: Recent[Any] = Recent()
        self._links: set[BluezLink] = set()
        atexit.register(self.stop)  # BlueZ keeps a connection whose program has ended

    @property
    def mac(self) -> NoReturn:
        raise NotImplementedError("aioble: BlueZ does not tell its own address; `bluetoothctl list` does")

    async def scan(self, found: Callable[[Report], None], *, active: bool) -> None:
        """Always actively: BlueZ listens passively only to what it is told to look for."""

        def heard(device: Any, said: Any) -> None:
            address = _address(device)
            self._devices.put(address, device)
            found(Report(address, ADV_IND, said.rssi, _payload(said)))

        with told():
            scanner = self._bleak.BleakScanner(detection_callback=heard, bluez=self._options)
            await scanner.start()
        self._scanner = scanner

    async def stop_scan(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            with told():
                await scanner.stop()

    async def connect(self, address: Address, heard: Heard, lost: Callable[[], None]) -> BluezLink:
        while True:
            with told():
                device = self._devices.get(address) or await self._found(address)
            link = BluezLink(heard, lost, self._links.discard)
            client = self._bleak.BleakClient(
                device,
                disconnected_callback=lambda client, link=link: link.ended(),
                timeout=_ATTEMPT,
                bluez=self._options,
            )
            with told():
                try:
                    await client.connect()
                except self._bleak.exc.BleakBluetoothNotAvailableError:
                    raise
                except self._bleak.exc.BleakDeviceNotFoundError:
                    self._devices.forget(address)  # BlueZ has forgotten it
                except (TimeoutError, self._bleak.exc.BleakError):
                    await asyncio.sleep(_AGAIN)  # as a radio that keeps listening for it
                else:
                    link.begin(client)
                    self._links.add(link)
                    return link

    def serve(self, services: Sequence[ServiceTable]) -> NoReturn:
        _central_only("register_services")

    def update(self, entry: Entry) -> NoReturn:
        _central_only("write(…, send_update=True)")

    def advertise(self, advert: Advert | None, connected: Callable[[Served], None]) -> NoReturn:
        _central_only("advertise")

    def stop(self) -> None:
        from ganglion.shims.modules.asyncio.core import get_event_loop

        if not self._links and self._scanner is None:
            return
        loop = get_event_loop()
        if loop.is_running():
            loop.create_task(self._end())
        else:
            loop.run_until_complete(self._end())

    async def _end(self) -> None:
        with contextlib.suppress(OSError):
            await self.stop_scan()
        for link in list(self._links):
            with contextlib.suppress(OSError):
                await link.disconnect()

    async def _found(self, address: Address) -> Any:
        wanted = address[1].hex(":").upper()
        device = None
        while device is None:
            device = await self._bleak.BleakScanner.find_device_by_address(
                wanted, timeout=_ATTEMPT, bluez=self._options
            )
        self._devices.put(address, device)
        return device


def _central_only(what: str) -> NoReturn:
    raise NotImplementedError(
        f"aioble.{what}: over BlueZ a script is a central, and serves nothing; on a simulated board it can"
    )


def _address(device: Any) -> Address:
    kind = device.details.get("props", {}).get("AddressType", "public")
    return int(kind == "random"), bytes.fromhex(device.address.replace(":", ""))


def _payload(said: Any) -> bytes:
    """What BlueZ has taken apart, together again."""
    by_length: dict[int, bytes] = {}
    for text in said.service_uuids:
        uuid = uuid_bytes(text)
        by_length[len(uuid)] = by_length.get(len(uuid), b"") + uuid
    fields = [(payload.UUIDS[length][1], uuids) for length, uuids in by_length.items()]
    if said.local_name is not None:
        fields.append((payload.NAME, said.local_name.encode()))
    for number, data in said.manufacturer_data.items():
        fields.append((payload.MANUFACTURER, number.to_bytes(2, "little") + data))
    return payload.joined(fields)
