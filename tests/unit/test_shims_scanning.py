# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: a scan that goes on while devices change their addresses keeps the last of them, and no more."""

import gc
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion.shims import board
from ganglion.shims.bluetooth.bluez import BluezRadio
from ganglion.shims.bluetooth.radio import Address, Advert, Report
from ganglion.shims.bluetooth.recent import MOST
from ganglion.shims.bluetooth.sim import SimPeripheral
from ganglion.shims.board.sim import SimBoard
from ganglion.shims.modules import aioble
from ganglion.shims.modules.aioble.central import ScanResult

COUNT = 2 * MOST


@pytest.fixture
def says() -> Iterator[Callable[[int], None]]:
    """Has a device with an address of this number say something, and go."""
    before, mine = board.current(), SimBoard()
    board.use(mine)

    def say(number: int) -> None:
        one = SimPeripheral(mine.ether, address(number))
        one.advertise(Advert(b"\x02\x01\x06", b"", connectable=True), lambda link: None)
        mine.ether.peripherals.remove(one)

    yield say
    aioble.stop()
    board.use(before)


def address(number: int) -> Address:
    return 1, number.to_bytes(6, "big")


def alive(kind: type) -> int:
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())


async def test_a_scan_forgets_devices_that_were_not_heard_of_for_long(says: Callable[[int], None]) -> None:
    async with aioble.scan(0) as scanner:
        says(0)
        first = await anext(scanner)
        for number in range(1, COUNT):
            says(number)
            assert (await anext(scanner)).device.addr == address(number)[1]
        assert alive(ScanResult) <= MOST + 1  # and the first, which is held here
        says(0)
        again = await anext(scanner)
        assert (again is first, again.device == first.device) == (False, True)


async def test_a_scan_that_nobody_reads_keeps_the_last_reports(says: Callable[[int], None]) -> None:
    before = alive(Report)
    async with aioble.scan(0) as scanner:
        for number in range(COUNT):
            says(number)
        assert alive(Report) - before <= MOST
        assert (await anext(scanner)).device.addr == address(COUNT - MOST)[1]


async def test_bluezs_radio_forgets_devices_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Heard(SimpleNamespace):
        """A device as bleak tells of it."""

    class Scanner:
        """Hears more devices than BlueZ's emulated controllers can be."""

        def __init__(self, detection_callback: Callable[[Any, Any], None], bluez: Any) -> None:
            self._heard = detection_callback

        async def start(self) -> None:
            said = SimpleNamespace(rssi=-50, service_uuids=[], local_name=None, manufacturer_data={})
            for number in range(COUNT):
                text = address(number)[1].hex(":").upper()
                self._heard(Heard(address=text, details={"props": {"AddressType": "random"}}), said)

        async def stop(self) -> None:
            """It hears no more."""

    monkeypatch.setattr("bleak.BleakScanner", Scanner)
    radio, heard = BluezRadio(""), []
    await radio.scan(lambda report: heard.append(report.address), active=True)
    await radio.stop_scan()
    assert heard == [address(number) for number in range(COUNT)]
    assert alive(Heard) == MOST
