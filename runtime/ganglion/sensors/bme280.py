# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds `bme280` and `bmp280`: Bosch's air sensors on a Linux I2C adapter, or on a simulated chip."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ganglion.errors import InvalidError, UsageError
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field
from ganglion_micro.drivers.bme280 import ADDRESS, BME280, BMP280

if TYPE_CHECKING:
    from ganglion.sensors.i2c import LinuxI2C
    from ganglion_micro.drivers.bus import I2C


@dataclass(frozen=True, slots=True, kw_only=True)
class Bme280Section(Section):
    """`[sensor.<name>]` with `kind = "bme280"` or `"bmp280"`.

    Attributes:
        bus: `/dev/i2c-N`, or `sim` for a simulated chip.
        address: 0x76 with SDO to ground, 0x77 with SDO high.
        every: From measurement to measurement.
        oversampling: 1, 2, 4, 8 or 16 readings behind each value.
        trace: With `bus = "sim"`: a CSV file with columns `seconds` and any of `celsius`, `percent`, `hectopascal`
            that the chip follows; without one it is in a room at 20 degrees.
        loop: Whether the trace begins again at its end; it stays at the last row otherwise.
    """

    bus: str
    address: int = ADDRESS
    every: int = duration_field("1s")
    oversampling: int = 1
    trace: str | None = None
    loop: bool = True

    def __post_init__(self) -> None:
        if self.address not in (0x76, 0x77):
            raise ValueError(f"address must be 0x76 or 0x77, not 0x{self.address:02x}")
        if self.oversampling not in (1, 2, 4, 8, 16):
            raise ValueError(f"oversampling must be 1, 2, 4, 8 or 16, not {self.oversampling}")
        if self.bus != "sim" and not self.bus.startswith("/dev/"):
            raise ValueError(f'bus must be "/dev/i2c-N" or "sim", not {self.bus!r}')
        if self.trace is not None and self.bus != "sim":
            raise ValueError('trace is for bus = "sim": a real chip is where it is')
        if self.kind == "bmp280" and self.bus == "sim":
            raise ValueError('the simulated chip is a BME280: write kind = "bme280"')


SECTION = Bme280Section


def source(section: Bme280Section, place: Place) -> Source:
    """The chip that the section names.

    Raises:
        UsageError: smbus2 is not installed.
        NotFoundError, InvalidError: the trace is missing or wrong.
    """
    if section.bus == "sim":
        return _Simulated(section, place)
    if find_spec("smbus2") is None:
        raise UsageError(f"{place.where}: {section.bus} needs smbus2: pip install 'ganglion[i2c]'")
    return _Chip(section)


class _Chip(Source):
    branch = "signal.input.external.environment"

    def __init__(self, section: Bme280Section) -> None:
        self.every = section.every
        self._section = section
        self._driver = BME280 if section.kind == "bme280" else BMP280
        self.channels: Mapping[str, str] = self._driver.channels
        self._chip: BMP280 | None = None
        self._bus: LinuxI2C | None = None

    def open(self) -> None:
        self._chip = self._driver(self._i2c(), self._section.address, self._section.oversampling)

    def sample(self) -> Mapping[str, Value]:
        assert self._chip is not None
        time.sleep(self._chip.start() / 1000)
        return self._chip.sample()

    def close(self) -> None:
        self._chip = None
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def _i2c(self) -> "I2C":
        from ganglion.sensors.i2c import LinuxI2C

        self._bus = LinuxI2C(self._section.bus)
        return self._bus


class _Simulated(_Chip):
    simulated = True

    def __init__(self, section: Bme280Section, place: Place) -> None:
        from ganglion.sim.bme280 import ChipModel
        from ganglion.sim.trace import load

        super().__init__(section)
        trace = None if section.trace is None else load(place.resolve(section.trace), loop=section.loop)
        try:
            self.model = ChipModel(now=place.now, trace=trace)
        except ValueError as error:
            raise InvalidError(str(error), where=f"{place.where}.trace") from error

    def set(self, channel: str, value: Value | None) -> None:
        from ganglion.sim.bme280 import QUANTITIES

        if isinstance(value, bool):
            raise ValueError("must be a number")
        self.model.set(**{QUANTITIES[channel]: value})

    def _i2c(self) -> "I2C":
        from ganglion.sim.i2c import SimulatedI2C

        return SimulatedI2C({self._section.address: self.model})
