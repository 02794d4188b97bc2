# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of chips: a driver of `ganglion_micro` on a Linux I2C adapter, or on a simulated chip. `chips` lists them."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from ganglion import extras
from ganglion.errors import InvalidError, UsageError
from ganglion.sensors.addresses import keep_off
from ganglion.sensors.chips import CHIPS, Chip, ChipSection, Driver
from ganglion.sensors.queue import Queue, QueueingDriver
from ganglion.sensors.source import Place, Source, Value
from ganglion.sim.i2c import SimulatedI2C

if TYPE_CHECKING:
    from ganglion.sensors.i2c import LinuxI2C
    from ganglion_micro.drivers.bus import I2C

SECTIONS = {kind: chip.section for kind, chip in CHIPS.items()}


def source(section: ChipSection, place: Place) -> Source:
    """The chip that the section names.

    Raises:
        InvalidError: the chip cannot have this address or option, or is an actuator's, or its model cannot follow the
            trace.
        NotFoundError: there is no such trace.
        RefusedError: a section from afar names another device.
        UsageError: smbus2 is not installed.
    """
    chip = CHIPS[section.kind]
    if section.address is not None and section.address not in chip.addresses:
        known = " or ".join(f"0x{address:02x}" for address in chip.addresses)
        raise InvalidError(f"must be {known}, not 0x{section.address:02x}", where=f"{place.where}.address")
    try:
        with contextlib.suppress(OSError):  # nobody is on that bus: the driver has taken its options and spoken
            chip.driver_class()(SimulatedI2C({}), chip.addresses[0], **section.options())
    except ValueError as error:
        raise InvalidError(str(error), where=place.where) from error
    if section.bus == "sim":
        return _Simulated(chip, section, place)
    section = replace(section, bus=place.device("bus", section.bus, r"/dev/i2c-\d+"))
    if not place.replayed:
        keep_off((section.bus, section.address or chip.addresses[0]), place.actuators, where=place.where)
    if not place.replayed and find_spec("smbus2") is None:
        raise UsageError(f"{place.where}: {section.bus} needs smbus2: {extras.remedy('i2c', 'smbus2')}")
    return _Wired(chip, section, place)


class _Chip(Source):
    def __init__(self, chip: Chip, section: ChipSection) -> None:
        self.branch = chip.branch
        self.every = section.every
        self._section = section
        self._class = chip.driver_class()
        self.channels: Mapping[str, str] = self._class.channels  # type: ignore[attr-defined]
        if section.queued:
            self.every = 0
            self.in_rows = True
            self.channels = {name: self.channels[name] for name in self._class.queued}  # type: ignore[attr-defined]
        self._address = section.address or chip.addresses[0]
        self._driver: Driver | None = None
        self._queue: Queue | None = None

    def open(self) -> None:
        self._driver = self._class(self._i2c(), self._address, **self._section.options())
        if self._section.queued:
            self._queue = Queue(cast(QueueingDriver, self._driver), time.sleep, time.monotonic)

    def sample(self) -> Mapping[str, Value]:
        assert self._driver is not None
        values: dict[str, Value]
        if self._queue is not None:
            values = dict(self._queue.next())
            self.age = self._queue.age
            return values
        values = {}
        # A converter has one input ready at a time, and a chip may have to wake up first
        for _ in range(len(self.channels) + 1):
            time.sleep(self._driver.start() / 1000)
            values |= self._driver.sample()
            if len(values) == len(self.channels):
                break
        return values

    def close(self) -> None:
        self._driver = self._queue = None

    def _i2c(self) -> "I2C":
        raise NotImplementedError


class _Wired(_Chip):
    def __init__(self, chip: Chip, section: ChipSection, place: Place) -> None:
        super().__init__(chip, section)
        self.chip = (section.bus, self._address)
        self._place = place
        self._bus: LinuxI2C | None = None

    def close(self) -> None:
        super().close()
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def _i2c(self) -> "I2C":
        from ganglion.sensors.i2c import LinuxI2C

        # Links of udev come and go with what is plugged in: this one may lead to an actuator's bus by now
        keep_off((self._section.bus, self._address), self._place.actuators, where=self._place.where)
        self._bus = LinuxI2C(self._section.bus)
        return self._bus


class _Simulated(_Chip):
    simulated = True

    def __init__(self, chip: Chip, section: ChipSection, place: Place) -> None:
        from ganglion.sim.trace import load

        super().__init__(chip, section)
        trace = None if section.trace is None else load(place.resolve(section.trace), loop=section.loop)
        try:
            self.model = chip.simulated(place.now, trace)
        except ValueError as error:
            raise InvalidError(str(error), where=f"{place.where}.trace") from error
        self._quantities = chip.quantities()

    def set(self, channel: str, value: Value | None) -> None:
        if channel not in self._quantities:
            raise ValueError(f"it follows from others: set {', '.join(sorted(self._quantities))}")
        if value is not None and isinstance(value, bool) != (self.channels[channel] == ""):
            raise ValueError("must be a number" if self.channels[channel] else "must be true or false")
        self.model.set(**{self._quantities[channel]: value})

    def _i2c(self) -> "I2C":
        return SimulatedI2C({self._address: self.model})
