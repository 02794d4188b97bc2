# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble.central`: scanning."""

import asyncio
from collections import deque
from collections.abc import Iterator

from ganglion.shims.bluetooth import payload
from ganglion.shims.bluetooth.radio import ADV_IND, SCAN_RSP, Report
from ganglion.shims.bluetooth.recent import MOST, Recent
from ganglion.shims.modules.aioble import core
from ganglion.shims.modules.aioble.device import Device
from ganglion.shims.modules.asyncio.event import ThreadSafeFlag
from ganglion.shims.modules.bluetooth import UUID

_active: "scan | None" = None


async def cancel_pending() -> None:
    """Ends the scan that runs: a connection or another scan begins."""
    if _active is not None:
        await _active.cancel()


class ScanResult:
    """A device that was heard; the same object again when it says something else, unless it was silent for long.

    Attributes:
        device: To connect to.
        adv_data, resp_data: What it says, and says to who asks.
        rssi: How loud, in dBm.
        connectable: Whether it can be connected to.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.adv_data: bytes | None = None
        self.resp_data: bytes | None = None
        self.rssi: int | None = None
        self.connectable = False

    def __str__(self) -> str:
        return f"Scan result: {self.device} {self.rssi}"

    def name(self) -> str | None:
        """Its name, if it says one."""
        for name in payload.fields((self.adv_data, self.resp_data), payload.NAME, payload.SHORT_NAME):
            return name.decode(errors="replace")
        return None

    def services(self) -> Iterator[UUID]:
        """The services that it says it has."""
        for length, kinds in payload.UUIDS.items():
            for uuids in payload.fields((self.adv_data, self.resp_data), *kinds):
                for i in range(0, len(uuids) - length + 1, length):
                    yield UUID(uuids[i : i + length])

    def manufacturer(self, filter: int | None = None) -> Iterator[tuple[int, bytes]]:
        """(number of the maker, data), of one maker or of all."""
        for data in payload.fields((self.adv_data, self.resp_data), payload.MANUFACTURER):
            number = int.from_bytes(data[:2], "little")
            if len(data) >= 2 and filter in (None, number):
                yield number, data[2:]

    def _update(self, report: Report) -> bool:
        """Whether it says something else than before."""
        before = self.rssi, self.adv_data, self.resp_data
        self.rssi = report.rssi
        if report.kind == SCAN_RSP:
            self.resp_data = report.data
        else:
            self.adv_data = report.data
            self.connectable = report.kind == ADV_IND
        return before != (self.rssi, self.adv_data, self.resp_data)


class scan:
    """`async with aioble.scan(…) as scanner: async for result in scanner: …`.

    Args:
        duration_ms: How long; 0 for ever.
        interval_us, window_us: Taken as given: the radio listens all the time.
        active: Whether devices are asked for what they say besides.

    Raises:
        OSError: the board has no radio.
    """

    def __init__(
        self,
        duration_ms: int = 0,
        interval_us: int | None = None,
        window_us: int | None = None,
        active: bool = False,
    ) -> None:
        self._duration_ms, self._is_active = duration_ms, active
        self._reports: deque[Report] = deque(maxlen=MOST)
        self._results: Recent[ScanResult] = Recent()
        self._flag = ThreadSafeFlag()
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "scan":
        global _active
        await cancel_pending()
        await core.radio().scan(self._hear, active=self._is_active)
        _active = self
        if self._duration_ms:
            self._timer = asyncio.get_running_loop().call_later(self._duration_ms / 1000, self._end)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.cancel()

    def __aiter__(self) -> "scan":
        return self

    async def __anext__(self) -> ScanResult:
        while True:
            while self._reports:
                report = self._reports.popleft()
                result = self._results.get(report.address) or ScanResult(Device(*report.address))
                self._results.put(report.address, result)
                if result._update(report):
                    return result
            if self._is_over:
                await self.cancel()
                raise StopAsyncIteration
            await self._flag.wait()

    async def cancel(self) -> None:
        """Ends it."""
        global _active
        self._end()
        self._reports.clear()
        if _active is self:
            _active = None
            await core.radio().stop_scan()

    def _hear(self, report: Report) -> None:
        if not self._is_over:
            self._reports.append(report)
            self._flag.set()

    def _end(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._flag.set()


def _stop() -> None:
    global _active
    if _active is not None:
        _active._end()
    _active = None


core.at_end(_stop)
