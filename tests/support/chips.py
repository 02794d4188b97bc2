# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected of each chip of `ganglion.sensors.chips`, and a bench with one on it and a time of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganglion.sensors.chips import CHIPS
from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Of one kind.

    Attributes:
        given: Quantity to the least and the most that the driver, with its usual options, has to read.
        reads: From the quantities to the value of each channel.
        within: Channel to how far from that it may be: half a step, and what the data sheet's formula rounds.
        range: Channel to the least and the most that may ever come out.
        unseen: Faults that the chip does not give the means to find out each time: it has no checksum, for example.
    """

    given: Mapping[str, tuple[float, float]]
    reads: Callable[[Mapping[str, float]], dict[str, float]]
    within: Mapping[str, float]
    range: Mapping[str, tuple[float, float]]
    unseen: frozenset[Fault] = field(default_factory=frozenset)


def _air(least: float, most: float, celsius: float, percent: float) -> Expected:
    return Expected(
        given={"celsius": (least, most), "percent": (0, 100)},
        reads=lambda air: {"temperature": air["celsius"], "humidity": air["percent"]},
        within={"temperature": celsius, "humidity": percent},
        range={"temperature": (least - 0.005, most + 0.005), "humidity": (0, 100)},
    )


_BOSCH = Expected(
    given={"celsius": (-39.9, 84.9), "hectopascal": (301, 1099), "percent": (0, 100)},
    reads=lambda air: {"temperature": air["celsius"], "pressure": air["hectopascal"], "humidity": air["percent"]},
    within={"temperature": 0.006, "pressure": 0.03, "humidity": 0.02},
    range={"temperature": (-40, 85), "pressure": (300, 1100), "humidity": (0, 100)},
    unseen=frozenset({Fault.CORRUPT}),
)
_PINS = ("a0", "a1", "a2", "a3")


def _supply(pins: Mapping[str, float]) -> dict[str, float]:
    """With the usual shunt of 0.1 ohm."""
    volts, millivolts = pins["volts"], pins["millivolts"]
    amperes = millivolts / 100
    return {"bus_voltage": volts, "shunt_voltage": millivolts, "current": amperes, "power": volts * amperes}


_AXES = tuple(f"{what}_{axis}" for what in ("acceleration", "rotation") for axis in "xyz")
_SCALES = dict(zip(_AXES, [2 * 9.80665] * 3 + [32767 / 131] * 3, strict=True))

EXPECTED = {
    "aht20": _air(-40, 85, 200 / 2**20, 100 / 2**20),
    "ads1115": Expected(
        given=dict.fromkeys(_PINS, (-0.29, 4.0957)),
        reads=dict,
        within=dict.fromkeys(_PINS, 4.096 / 32768 / 2 + 1e-9),
        range=dict.fromkeys(_PINS, (-0.3, 4.096)),
        unseen=frozenset({Fault.CORRUPT}),
    ),
    "bh1750": Expected(
        given={"lux": (0, 54611)},
        reads=lambda place: {"illuminance": place["lux"]},
        within={"illuminance": 0.5 / 1.2 + 1e-9},
        range={"illuminance": (0, 54612)},
        unseen=frozenset({Fault.CORRUPT, Fault.STUCK_LOW, Fault.BUSY}),
    ),
    "bme280": _BOSCH,
    "bmp280": _BOSCH,
    "ds3231": Expected(
        given={"celsius": (-40, 85)},
        reads=lambda chip: {"temperature": chip["celsius"]},
        within={"temperature": 0.125},
        range={"temperature": (-40, 85)},
    ),
    "ina219": Expected(
        given={"volts": (0, 26), "millivolts": (-319.98, 319.98)},
        reads=_supply,
        # Half a step each; a step of current is 98 µA, and it is cut off and not rounded
        within={"bus_voltage": 0.0021, "shunt_voltage": 0.0051, "current": 150e-6, "power": 0.012},
        range={"bus_voltage": (0, 26), "shunt_voltage": (-320, 320), "current": (-3.21, 3.21), "power": (-84, 84)},
        unseen=frozenset({Fault.CORRUPT}),
    ),
    "mpu6050": Expected(
        given={**{name: (-0.999 * end, 0.999 * end) for name, end in _SCALES.items()}, "celsius": (-40, 85)},
        reads=lambda motion: {**{name: motion[name] for name in _AXES}, "temperature": motion["celsius"]},
        within={**{name: end / 65534 + 1e-9 for name, end in _SCALES.items()}, "temperature": 0.5 / 340 + 1e-6},
        range={**{name: (-end * 32768 / 32767, end) for name, end in _SCALES.items()}, "temperature": (-40, 85)},
        unseen=frozenset({Fault.CORRUPT}),
    ),
    "sht3x": _air(-40, 125, 175 / 65535, 100 / 65535),
    "vl53l0x": Expected(
        given={"millimetres": (0, 2000)},
        reads=lambda view: {"distance": view["millimetres"], "target": True},
        within={"distance": 0.5, "target": 0},
        range={"distance": (0, 2000), "target": (False, True)},
        unseen=frozenset({Fault.CORRUPT}),
    ),
}


def _on_one_bus() -> dict[str, int]:
    taken: dict[str, int] = {}
    for kind, chip in CHIPS.items():
        taken[kind] = next(address for address in chip.addresses if address not in taken.values())
    return taken


#: Kind -> address, of a bus that has a chip of each: the first of its own that no other has.
ON_ONE_BUS = _on_one_bus()


class Bench:
    """A chip at its usual address on a bus, and the time they live in.

    Args:
        kind: One of `CHIPS`.
        options: Of the driver.
    """

    def __init__(self, kind: str, **options: Any) -> None:
        chip = CHIPS[kind]
        self.now = 0
        self.model = chip.simulated(lambda: self.now)
        self.i2c = SimulatedI2C({chip.addresses[0]: self.model})
        self._chip = chip
        self._options = options

    def passing(self) -> int:
        """A time of which a second goes by with each look at it."""
        self.now += 1_000_000_000
        return self.now

    def driver(self, i2c: Any = None) -> Any:
        """A new driver, on this bus or on another."""
        return self._chip.driver_class()(i2c or self.i2c, self._chip.addresses[0], **self._options)

    def measure(self, driver: Any) -> dict[str, float]:
        """All channels, in the chip's own time."""
        values: dict[str, float] = {}
        for _ in range(len(driver.channels) + 1):
            self.now += driver.start() * 1_000_000
            values |= driver.sample()
            if len(values) == len(driver.channels):
                break
        return values


class Answering:
    """A bus that takes everything and answers what it is told, whatever is asked for."""

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        self._answer = answer

    def readfrom(self, addr: int, nbytes: int, stop: bool = True) -> bytes:
        return self._answer(nbytes)

    def writeto(self, addr: int, buf: bytes, stop: bool = True) -> int:
        return len(buf)

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        return self._answer(nbytes)

    def writeto_mem(self, addr: int, memaddr: int, buf: bytes) -> None:
        pass


class Cut:
    """Passes a bus on, but its reads end early."""

    def __init__(self, i2c: Any, keep: Callable[[int], int]) -> None:
        self._i2c = i2c
        self._keep = keep
        self.writeto = i2c.writeto
        self.writeto_mem = i2c.writeto_mem

    def readfrom(self, addr: int, nbytes: int, stop: bool = True) -> bytes:
        data: bytes = self._i2c.readfrom(addr, nbytes, stop)
        return data[: self._keep(nbytes)]

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        data: bytes = self._i2c.readfrom_mem(addr, memaddr, nbytes)
        return data[: self._keep(nbytes)]


class OneAnswer:
    """Passes a bus on, but lets reads of one register be as they are told."""

    def __init__(self, i2c: Any, register: int, data: bytes) -> None:
        self._i2c, self._register, self._data = i2c, register, data

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        found: bytes = (
            self._data[:nbytes] if memaddr == self._register else self._i2c.readfrom_mem(addr, memaddr, nbytes)
        )
        return found

    def writeto_mem(self, addr: int, memaddr: int, buf: bytes) -> None:
        self._i2c.writeto_mem(addr, memaddr, buf)
