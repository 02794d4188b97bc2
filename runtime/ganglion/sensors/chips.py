# SPDX-License-Identifier: GPL-3.0-or-later
"""Which chips on an I2C bus can be sensors: a row each, with its driver, its model and its options. Imports neither."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, Protocol

from ganglion.sensors.source import Section, Value
from ganglion.settings import duration_field
from ganglion.sim.i2c import Device
from ganglion.sim.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSection(Section):
    """`[sensor.<name>]` with a chip's kind. What a chip's own section adds goes to its driver under the same name.

    Attributes:
        bus: `/dev/i2c-N`, or `sim` for a simulated chip.
        address: One that the chip can have; its usual one where this is missing.
        every: From measurement to measurement.
        trace: With `bus = "sim"`: a CSV file with a column `seconds` and one for each quantity that the chip follows.
        loop: Whether the trace begins again at its end; it stays at the last row otherwise.
    """

    bus: str
    address: int | None = None
    every: int = duration_field("1s")
    trace: str | None = None
    loop: bool = True

    def __post_init__(self) -> None:
        if self.bus != "sim" and not os.path.normpath(self.bus).startswith("/dev/"):
            raise ValueError(f'bus must be "/dev/i2c-N" or "sim", not {self.bus!r}')
        if self.trace is not None and self.bus != "sim":
            raise ValueError('trace is for bus = "sim": a real chip is where it is')

    @property
    def queued(self) -> bool:
        """Whether the chip measures by itself and all that it measured is read."""
        return bool(getattr(self, "queue", False))

    def options(self) -> dict[str, Any]:
        """What goes to the driver."""
        common = {field.name for field in fields(ChipSection)}
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in common}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bme280Section(ChipSection):
    """Kinds `bme280` and `bmp280`.

    Attributes:
        oversampling: 1, 2, 4, 8 or 16 readings behind each value.
    """

    oversampling: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sht3xSection(ChipSection):
    """Kind `sht3x`.

    Attributes:
        repeatability: `low`, `medium` or `high`: noise against time and current.
    """

    repeatability: str = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ads1115Section(ChipSection):
    """Kind `ads1115`.

    Attributes:
        full_scale: The most that is measured, in V: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256.
        rate: Conversions a second: 8, 16, 32, 64, 128, 250, 475 or 860; slow ones are quieter.
    """

    full_scale: float = 4.096
    rate: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Bh1750Section(ChipSection):
    """Kind `bh1750`.

    Attributes:
        sensitivity: 31 to 254: light up to 121557 lx at 31, 54612 lx at 69, and down to 0.23 lx at 254.
    """

    sensitivity: int = 69


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina219Section(ChipSection):
    """Kind `ina219`.

    Attributes:
        shunt: Resistance of the shunt in ohm.
        max_current: The most that is measured, in A; less gives finer steps. Times the shunt 0.0205 to 0.32 V.
    """

    shunt: float = 0.1
    max_current: float = 3.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mpu6050Section(ChipSection):
    """Kind `mpu6050`.

    Attributes:
        acceleration: Full scale in g: 2, 4, 8 or 16.
        rotation: Full scale in degrees a second: 250, 500, 1000 or 2000.
        rate: How often the chip itself measures, in Hz, 4 to 1000; it lets through no more than half of that.
        queue: Whether each of these measurements is read, without the temperature, and `every` counts for nothing.
    """

    acceleration: int = 2
    rotation: int = 250
    rate: int = 100
    queue: bool = False

    def options(self) -> dict[str, Any]:
        options = ChipSection.options(self)  # not super(): a class with slots is another than the one written here
        del options["queue"]
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Vl53l0xSection(ChipSection):
    """Kind `vl53l0x`.

    Attributes:
        budget: Milliseconds of a measurement, 20 to 500: 33 usually, 200 for less noise.
    """

    budget: int = 33


class Driver(Protocol):
    """A driver of `ganglion_micro.drivers` on its chip; OSError from a method is trouble on the bus."""

    @property
    def channels(self) -> Mapping[str, str]:
        """Name of each quantity to its UCUM unit, "" for a bool; an attribute of the class."""
        ...

    def start(self) -> int:
        """Begins a measurement; milliseconds after which `sample` has its result."""
        ...

    def sample(self) -> Mapping[str, Value]:
        """The result: of the channels that have one, for a chip may measure one after the other, or wake up first."""
        ...


class Model(Device, Protocol):
    """A simulated chip of `ganglion.sim`."""

    fault: Any

    def set(self, **quantities: Any) -> None:
        """Holds quantities of its surroundings at a value; None follows the trace again. ValueError if it cannot."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One kind of chip.

    Attributes:
        driver: Module below `ganglion_micro.drivers` and its class: `(i2c, address, **options)`. The class has
            `channels` and refuses a wrong option with ValueError before it speaks to the chip.
        model: Module below `ganglion.sim` and its class: `(now=, trace=)`. The module has `QUANTITIES`, channel to
            the quantity of the surroundings that it measures.
        addresses: All that its pins can choose, the usual one first.
        section: Its dataclass, where it has options.
        branch: Of the taxonomy of events.
    """

    driver: str
    model: str
    addresses: tuple[int, ...]
    section: type[ChipSection] = ChipSection
    branch: str = "signal.input.external.environment"

    def driver_class(self) -> Callable[..., Driver]:
        module, _, name = self.driver.partition(".")
        found: Callable[..., Driver] = getattr(import_module(f"ganglion_micro.drivers.{module}"), name)
        return found

    def model_class(self) -> Callable[..., Model]:
        module, _, name = self.model.partition(".")
        found: Callable[..., Model] = getattr(import_module(f"ganglion.sim.{module}"), name)
        return found

    def simulated(self, now: Callable[[], int], trace: Trace | None = None) -> Model:
        """One that is not there; ValueError if it cannot follow the trace."""
        return self.model_class()(now=now, trace=trace)

    def quantities(self) -> Mapping[str, str]:
        """Channel to the quantity that `Model.set` knows it by; without those that follow from others."""
        found: Mapping[str, str] = import_module(f"ganglion.sim.{self.model.partition('.')[0]}").QUANTITIES
        return found


#: Kind -> chip; each kind is in `ganglion.sensors.sensor.KINDS` too.
CHIPS = {
    "aht20": Chip(driver="aht20.AHT20", model="aht20.ChipModel", addresses=(0x38,)),
    "ads1115": Chip(
        driver="ads1115.ADS1115",
        model="ads1115.ChipModel",
        addresses=(0x48, 0x49, 0x4A, 0x4B),
        section=Ads1115Section,
    ),
    "bh1750": Chip(driver="bh1750.BH1750", model="bh1750.ChipModel", addresses=(0x23, 0x5C), section=Bh1750Section),
    "bme280": Chip(driver="bme280.BME280", model="bme280.ChipModel", addresses=(0x76, 0x77), section=Bme280Section),
    "bmp280": Chip(driver="bme280.BMP280", model="bme280.BMP280Model", addresses=(0x76, 0x77), section=Bme280Section),
    "ds3231": Chip(driver="ds3231.DS3231", model="ds3231.ChipModel", addresses=(0x68,)),
    "ina219": Chip(
        driver="ina219.INA219",
        model="ina219.ChipModel",
        addresses=tuple(range(0x40, 0x50)),
        section=Ina219Section,
    ),
    "mpu6050": Chip(
        driver="mpu6050.MPU6050",
        model="mpu6050.ChipModel",
        addresses=(0x68, 0x69),
        section=Mpu6050Section,
        branch="signal.input.external.motion",
    ),
    "sht3x": Chip(driver="sht3x.SHT3x", model="sht3x.ChipModel", addresses=(0x44, 0x45), section=Sht3xSection),
    "vl53l0x": Chip(
        driver="vl53l0x.VL53L0X",
        model="vl53l0x.ChipModel",
        addresses=(0x29,),
        section=Vl53l0xSection,
        branch="signal.input.external.position",
    ),
}
