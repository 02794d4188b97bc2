# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what the guardian has decided, and tells it what came of that."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ganglion.guardian.channel import Channel, alike
from ganglion.guardian.driver import Driver
from ganglion.guardian.guardian import Guardian
from ganglion.guardian.i2c import Part

_log = logging.getLogger(__name__)


class Writer:
    """The ways to all actuators. Its caller sees to it that one call of `write`, `assure` and `judge` runs at a time.

    Their answer is whether reading back shows the value (None: it cannot be read), and what went wrong, "" for nothing.
    With `may_wait` a value that is not shown yet is not wrong.

    Args:
        guardian: Who is told.
        drivers: Name to driver.
        monotonic: The guardian's clock, in nanoseconds.
    """

    def __init__(self, guardian: Guardian, drivers: Mapping[str, Driver], *, monotonic: Callable[[], int]) -> None:
        self._guardian = guardian
        self._channels = {name: Channel(name, driver) for name, driver in drivers.items()}
        chips = {name: driver.chip for name, driver in drivers.items() if isinstance(driver, Part)}
        self._beside = {
            name: [other for other in chips if chips[other] is chip and other != name] for name, chip in chips.items()
        }
        self._monotonic = monotonic
        self.errors = dict.fromkeys(drivers, 0)

    async def write(self, name: str, value: Any, *, may_wait: bool = False) -> tuple[bool | None, str]:
        """Writes, and reads back."""
        try:
            seen = await self._channels[name].write(value)
        except OSError as error:
            return self._lost(name, str(error))
        return self.judge(name, value, seen, may_wait=may_wait)

    async def assure(self, name: str, value: Any, *, may_wait: bool = False) -> tuple[bool | None, str]:
        """As `write`, for what it was told before: writes only if it shows something else, as when moved by hand."""
        try:
            seen = await self._channels[name].read()
        except OSError as error:
            return self._lost(name, str(error))
        if seen is None or alike(seen, value) or self._guardian.pending(name):
            return self.judge(name, value, seen, may_wait=may_wait)
        return await self.write(name, value, may_wait=may_wait)

    async def wait(self, name: str, value: Any, within_ns: int, replaced: asyncio.Event) -> tuple[Any, str]:
        """What it shows in the end, as `Channel.wait` has it, and what went wrong; the guardian is not told."""
        try:
            return await self._channels[name].wait(value, within_ns, replaced), ""
        except OSError as error:
            return None, str(error)

    def judge(
        self, name: str, value: Any, seen: Any, error: str = "", *, may_wait: bool = False
    ) -> tuple[bool | None, str]:
        """Tells the guardian what reading back has shown."""
        if error:
            return self._lost(name, error)
        if seen is None or alike(seen, value):
            self._guardian.confirmed(name, self._monotonic())
            return (None if seen is None else True), ""
        if may_wait:
            self._guardian.sent(name)
            return False, ""
        return self._failed(name, f"it reads back {seen!r} after {value!r} was written")

    def replaced(self, name: str) -> asyncio.Event:
        """Set once something is written after what was written last."""
        return self._channels[name].replaced

    def stop(self) -> None:
        """Ends the threads after the calls that wait."""
        for channel in self._channels.values():
            channel.stop()

    def _lost(self, name: str, error: str) -> tuple[bool | None, str]:
        """It was not reached. What shares its chip may have lost its power, or got what was meant for it."""
        for other in self._beside.get(name, ()):
            if self._guardian.certain(other):
                why = f"{error}; {name} is on the same chip"
                _log.warning("actuator %s: %s; it will be made safe", other, why)
                self._guardian.failed(other, self._monotonic(), why)
        return self._failed(name, error)

    def _failed(self, name: str, error: str) -> tuple[bool | None, str]:
        if self._guardian.certain(name):
            _log.warning("actuator %s: %s; it will be made safe", name, error)
        self.errors[name] += 1
        self._guardian.failed(name, self._monotonic(), error)
        return False, error
