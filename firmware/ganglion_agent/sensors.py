# SPDX-License-Identifier: GPL-3.0-or-later
"""The sensors of a device: when each measures, on drivers of `ganglion_micro.drivers` and on the board's own inputs.

A sensor that does not answer is asked again in its own time, and its chip is set up anew: it may have been unplugged.
"""

from sys import platform

from ganglion_agent.clock import MS
from ganglion_agent.section import ConfigError, Section

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Modules of `ganglion_micro.drivers` for chips on I2C, and their class.
CHIPS = {
    "ads1115": "ADS1115",
    "aht20": "AHT20",
    "bh1750": "BH1750",
    "bme280": "BME280",
    "bmp280": "BMP280",
    "ds3231": "DS3231",
    "ina219": "INA219",
    "mpu6050": "MPU6050",
    "sht3x": "SHT3x",
    "vl53l0x": "VL53L0X",
}
INPUTS = ("adc", "dht22", "ds18b20", "pin")
#: What a driver gives when it has one value without a name of its own.
PLAIN = ""


class Sensor:
    """One, in turn waiting, and measuring until `_due`.

    Attributes:
        values: The last measurement, by stream; empty before the first.
        error: Why the last measurement failed; empty where it did not.
        taken: When it was, in nanoseconds.
        units: By stream, as the driver has them (UCUM).
    """

    def __init__(self, name: str, every: int, make: "Callable[[], Any]", channels: "dict[str, str]", now: int) -> None:
        self.name = name
        self.every = every
        self.values = {}  # type: dict[str, Any]
        self.taken = 0
        self.units = {self.stream(key): channels[key] for key in channels}
        self.error = ""
        self.waiting = []  # type: list[Callable[[Any], None]]
        self._make = make
        self._driver = None  # type: Any
        self._measuring = False
        self._due = now
        self._next = now

    def ask(self, then: "Callable[[Any], None]") -> None:
        """Measures now; `then` is called with the sensor."""
        self.waiting.append(then)
        if not self._measuring:
            self._due = 0

    def advance(self, now: int) -> bool:
        """Goes on; whether there is a new measurement."""
        if now < self._due:
            return False
        try:
            if not self._measuring:
                self._next = now + self.every
                if self._driver is None:
                    self._driver = self._make()
                self._due = now + self._driver.start() * MS
                self._measuring = True
                if now < self._due:
                    return False
            found = self._driver.sample()
            self.values = {self.stream(key): found[key] for key in found}
            self.error = ""
            self.taken = now
        except (OSError, ValueError, TypeError, ConfigError) as error:
            self._driver = None
            self.error = "{}: {}".format(self.name, error)
        self._measuring = False
        self._due = self._next
        waiting, self.waiting = self.waiting, []
        for then in waiting:
            then(self)
        return not self.error

    def stream(self, channel: str) -> str:
        """What a channel is called among the readings of the device."""
        return self.name + "." + channel if channel else self.name


class Contact:
    """A pin that is read: true where something closes it."""

    def __init__(self, number: "Any", pull: str, active_low: bool) -> None:
        from machine import Pin

        pulls = {"none": None, "up": getattr(Pin, "PULL_UP", None), "down": getattr(Pin, "PULL_DOWN", None)}
        self._pin = Pin(number, Pin.IN, pulls[pull])
        self._low = active_low

    def start(self) -> int:
        """Nothing to begin."""
        return 0

    def sample(self) -> "dict[str, Any]":
        return {PLAIN: bool(self._pin.value()) != self._low}


class Voltage:
    """A pin of the board's own converter, as a share of its range, times `scale` plus `offset`."""

    def __init__(self, number: "Any", scale: float, offset: float) -> None:
        from machine import ADC, Pin

        self._adc = ADC(0 if platform == "esp8266" else Pin(number))  # which has one, and no pin for it
        self._scale = scale
        self._offset = offset

    def start(self) -> int:
        """Nothing to begin."""
        return 0

    def sample(self) -> "dict[str, Any]":
        return {PLAIN: self._adc.read_u16() / 65535 * self._scale + self._offset}


def maker(section: Section, i2c: "Callable[[str], Any]") -> "tuple[Callable[[], Any], dict[str, str]]":
    """What makes the driver of a sensor's section, again and again; and units by channel.

    Args:
        i2c: Gives the bus of a name.

    Raises:
        ConfigError: there is no such driver, or its keys are wrong.
    """
    driver = section.one("driver", list(CHIPS) + list(INPUTS))
    if driver in CHIPS:
        return _chip(section, driver, i2c(section.take("bus", str)))
    pin = section.value("pin")
    if driver == "pin":
        pull, low = section.one("pull", ("none", "up", "down"), "none"), section.take("active_low", bool, False)
        section.close()
        return lambda: Contact(pin, pull, low), {PLAIN: ""}
    if driver == "adc":
        scale, offset = section.take("scale", float, 1.0), section.take("offset", float, 0.0)
        unit = section.value("unit", "")
        section.close()
        return lambda: Voltage(pin, scale, offset), {PLAIN: str(unit)}
    if driver == "dht22":
        section.close()
        return _dht22(pin), {"temperature": "Cel", "humidity": "%"}
    resolution = section.take("resolution", int, 12, 9, 12)
    section.close()
    return _ds18b20(pin, resolution), {"temperature": "Cel"}


def _chip(section: Section, driver: str, bus: "Any") -> "tuple[Callable[[], Any], dict[str, str]]":
    # A driver that no sensor has takes no memory.
    module = "bme280" if driver == "bmp280" else driver
    kind = getattr(__import__("ganglion_micro.drivers." + module, None, None, ["x"]), CHIPS[driver])
    options = section.rest()

    def make() -> "Any":
        try:
            return kind(bus, **options)
        except (TypeError, ValueError) as error:
            raise ConfigError("{}: {}: {}".format(section.where, driver, error)) from None

    return make, kind.channels


def _dht22(pin: "Any") -> "Callable[[], Any]":
    # What the board has not is said at its start, not when it measures
    try:
        from machine import dht_readinto
    except ImportError:
        from dht import dht_readinto
    from machine import Pin

    from ganglion_micro.drivers.dht22 import DHT22

    return lambda: DHT22(dht_readinto, Pin(pin, Pin.OPEN_DRAIN, Pin.PULL_UP))


def _ds18b20(pin: "Any", resolution: int) -> "Callable[[], Any]":
    from errno import ENODEV

    from machine import Pin
    from onewire import OneWire

    from ganglion_micro.drivers.ds18b20 import DS18B20, FAMILY

    def make() -> "Any":
        wire = OneWire(Pin(pin))
        for rom in wire.scan():
            if rom[0] == FAMILY:
                return DS18B20(wire, bytes(rom), resolution)
        raise OSError(ENODEV, "no DS18B20 answers on the pin")

    return make
