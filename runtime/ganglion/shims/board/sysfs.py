# SPDX-License-Identifier: GPL-3.0-or-later
"""What Linux shows as files: PWM, analog inputs, humidity sensors, 1-wire thermometers, and the watchdog's ioctl."""

import array
import fcntl
import time
from pathlib import Path
from typing import NoReturn

from ganglion.linux.pwm import Channel

#: WDIOC_SETTIMEOUT of linux/watchdog.h: seconds, read and written.
_SET_TIMEOUT = 0xC0045706


class Pwm:
    """`pwmchipN/M` under `/sys/class/pwm`.

    Raises:
        OSError: there is no such output, or it is not this user's to use.
    """

    def __init__(self, root: Path, place: str) -> None:
        chip, _, number = place.partition("/")
        self._channel = Channel(root / chip, number)
        self._channel.export()

    def configure(self, *, period_ns: int, high_ns: int) -> None:
        self._channel.set_period(period_ns)
        self._channel.pulse(high_ns)

    def stop(self) -> None:
        self._channel.stop()


def voltage(channel: Path) -> tuple[int, int]:
    """Microvolts of an IIO channel, given as `iio:deviceN/in_voltageM`, and its full scale with 12 bits.

    Raises:
        OSError: there is no such channel.
    """
    raw = int(channel.with_name(f"{channel.name}_raw").read_text())
    own = channel.with_name(f"{channel.name}_scale")
    scale = float((own if own.is_file() else channel.with_name("in_voltage_scale")).read_text())
    return round(raw * scale * 1000), round(4095 * scale * 1000)


def humidity(device: Path, kind: int) -> bytes:
    """What a DHT would have sent, from the kernel's dht11 driver: thousandths of degrees and percent.

    Raises:
        OSError: there is no such sensor, or it did not answer.
    """
    percent = int((device / "in_humidityrelative_input").read_text())
    celsius = int((device / "in_temp_input").read_text())
    if kind == 1:
        body = bytes([percent // 1000, 0, celsius // 1000, 0])
    else:
        tenths = abs(celsius) // 100 | (0x8000 if celsius < 0 else 0)
        body = (percent // 100).to_bytes(2, "big") + tenths.to_bytes(2, "big")
    return body + bytes([sum(body) & 0xFF])


class KernelOneWire:
    """The kernel's 1-wire bus (Documentation/w1): it speaks to the devices itself, so slots are not the script's."""

    def __init__(self, devices: Path) -> None:
        self._devices = devices

    def roms(self) -> list[bytes]:
        """The devices that the kernel has found."""
        return [_rom(path.name) for path in sorted(self._devices.glob("[0-9a-f][0-9a-f]-*"))]

    def temperature(self, rom: bytes) -> float:
        """Degrees Celsius of a thermometer.

        Raises:
            OSError: it is not there.
        """
        name = f"{rom[0]:02x}-{rom[6:0:-1].hex()}"
        for _ in range(3):
            try:
                return int((self._devices / name / "temperature").read_text()) / 1000
            except ValueError:
                time.sleep(0.1)  # an empty file: the checksum was wrong
        raise OSError(f"{name} gave no temperature")

    def reset(self) -> bool:
        return bool(self.roms())

    def read_bit(self) -> NoReturn:
        raise OSError("1-wire slots are the kernel's on this board: use ds18x20")

    def write_bit(self, bit: int) -> NoReturn:
        raise OSError("1-wire slots are the kernel's on this board: use ds18x20")


def _rom(name: str) -> bytes:
    from ganglion.sim.one_wire import crc8

    family, serial = name.split("-")
    body = bytes.fromhex(family) + bytes.fromhex(serial)[::-1]
    return body + bytes([crc8(body)])


def set_watchdog(device: int, milliseconds: int) -> None:
    """Tells an open watchdog its time, in whole seconds, at least one."""
    fcntl.ioctl(device, _SET_TIMEOUT, array.array("i", [max(-(-milliseconds // 1000), 1)]))
