# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux machine as a board: the devices that its configuration names, opened when a script asks for them."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ganglion.shims.bluetooth.radio import Radio
from ganglion.shims.board import sysfs
from ganglion.shims.board.board import Bus, Line, OneWireBus, Pulses, Serial, Spi
from ganglion.shims.board.opened import needing, opened
from ganglion.shims.board.sim import SimBoard
from ganglion.shims.settings import Settings

_T = TypeVar("_T")


class LinuxBoard:
    """Pins are lines of one gpiochip; what else there is, the configuration says.

    Args:
        settings: Of `ganglion.shims.settings`.
        sys: Where sysfs is.
    """

    name = "linux"

    def __init__(self, settings: Settings, sys: Path = Path("/sys")) -> None:
        self._settings = settings
        self._sys = sys
        self._lines: dict[int, Line] = {}
        self._buses: dict[str, Any] = {}
        self._radio: Radio | None = None

    def line(self, name: Any) -> Line:
        number = self._settings.pin.get(str(name), name)
        if not isinstance(number, int):
            raise ValueError(f"this board has no pin {name!r}: give its line under [pin] of the configuration")
        if number not in self._lines:
            from ganglion.shims.board.gpio import GpioLine

            self._lines[number] = GpioLine(self._settings.gpiochip, number)
        return self._lines[number]

    def i2c(self, name: Any) -> Bus:
        return self._once("i2c", name, _i2c)

    def spi(self, name: Any) -> Spi:
        return self._once("spi", name, _spi)

    def uart(self, name: Any) -> Serial:
        return self._once("uart", name, _uart)

    def pwm(self, name: Any) -> Pulses:
        return self._once("pwm", name, lambda place: sysfs.Pwm(self._sys / "class" / "pwm", place))

    def microvolts(self, name: Any) -> tuple[int, int]:
        place = self._device("adc", name)
        return opened("adc", place, lambda: sysfs.voltage(self._sys / "bus" / "iio" / "devices" / place))

    def onewire(self, name: Any) -> OneWireBus:
        return sysfs.KernelOneWire(self._sys / "bus" / "w1" / "devices")

    def humidity(self, name: Any, kind: int) -> bytes:
        place = self._device("dht", name)
        return opened("dht", place, lambda: sysfs.humidity(self._sys / "bus" / "iio" / "devices" / place, kind))

    def pixels(self, name: Any, data: bytes, timing: tuple[int, int, int, int]) -> None:
        from ganglion.shims.board.bits import RATE, encoded

        bus = self._once("pixels", name, _spi)
        bus.configure(baudrate=RATE, polarity=0, phase=0, lsb_first=False)
        bus.transfer(encoded(data))

    def radio(self) -> Radio:
        if self._radio is None:
            from ganglion.shims.bluetooth.bluez import BluezRadio

            self._radio = needing("bleak", "bluetooth", lambda: BluezRadio(self._settings.bluetooth))
        return self._radio

    def watchdog(self, milliseconds: int) -> Callable[[], None]:
        if not self._settings.watchdog:
            return SimBoard().watchdog(milliseconds)
        place = self._settings.watchdog
        device = opened("watchdog", place, lambda: os.open(place, os.O_WRONLY))
        sysfs.set_watchdog(device, milliseconds)
        return lambda: (os.write(device, b"\0"), None)[1]

    def unique_id(self) -> bytes:
        """Made from the machine's id, which itself stays here."""
        identity = Path("/etc/machine-id")
        text = identity.read_bytes().strip() if identity.is_file() else os.uname().nodename.encode()
        return hashlib.sha256(b"ganglion.shims" + text).digest()[:8]

    def frequency(self) -> int:
        path = self._sys / "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"
        return int(path.read_text()) * 1000 if path.is_file() else 1_000_000_000

    def _device(self, kind: str, name: Any) -> str:
        table: dict[str, str] = getattr(self._settings, kind)
        key = "soft" if name == -1 else str(name)
        if key not in table:
            _missing(kind, key)
        return table[key]

    def _once(self, kind: str, name: Any, make: Callable[[str], _T]) -> _T:
        place = self._device(kind, name)
        key = f"{kind} {place}"
        if key not in self._buses:
            self._buses[key] = opened(kind, place, lambda: make(place))
        bus: _T = self._buses[key]
        return bus


def _missing(kind: str, key: str) -> NoReturn:
    raise ValueError(f"this board has no {kind} {key}: name its device under [{kind}] of the configuration")


def _i2c(place: str) -> Bus:
    from ganglion.sensors.i2c import LinuxI2C

    return needing("smbus2", "i2c", lambda: LinuxI2C(place))


def _spi(place: str) -> Spi:
    from ganglion.shims.board.spidev import Spidev

    return needing("spidev", "spi", lambda: Spidev(place))


def _uart(place: str) -> Serial:
    from ganglion.shims.board.serial import PortSerial

    return needing("pyserial", "serial", lambda: PortSerial(place))
