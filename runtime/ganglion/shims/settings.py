# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a board, in TOML: which pins, buses and chips it has."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, unread
from ganglion.settings import read
from ganglion.shims.bluetooth.radio import INDICATE, NOTIFY, READ, WRITE, WRITE_NO_RESPONSE

#: What a characteristic of a simulated peripheral can, to how that is told on the air.
PROPERTIES = {
    "read": READ,
    "write": WRITE,
    "write_no_response": WRITE_NO_RESPONSE,
    "notify": NOTIFY,
    "indicate": INDICATE,
}
#: The keys that say something to one kind of board alone, by that kind.
KEYS = {
    "sim": ("wires", "chip", "networks", "peripheral"),
    "linux": ("gpiochip", "pin", "i2c", "spi", "uart", "pwm", "adc", "dht", "pixels", "watchdog", "bluetooth"),
}
_TABLES = ("i2c", "spi", "uart", "pwm", "adc", "dht", "pixels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """`[[chip]]`: what answers on a simulated I2C bus.

    Attributes:
        model: A module of `ganglion.sim` such as `bme280`, or `registers` for bare memory.
        address: 0x08 to 0x77.
        bus: What the script calls the bus; "soft" for one on pins of its own.
    """

    model: str
    address: int
    bus: str | int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristic:
    """`[[peripheral.characteristic]]`: what a simulated peripheral serves.

    Attributes:
        service, uuid: A number of 16 bits, or the text of a UUID.
        value: In hexadecimal: what is read at first.
        properties: Of `read`, `write`, `write_no_response`, `notify`, `indicate`.
        every: Milliseconds between two notifications to who has subscribed; 0 for none.
    """

    service: str | int
    uuid: str | int
    value: str = ""
    properties: list[Any] = field(default_factory=lambda: ["read"])
    every: int = 0

    def __post_init__(self) -> None:
        if wrong := [each for each in self.properties if each not in PROPERTIES]:
            raise ValueError(f"properties: {wrong[0]!r} is none of {', '.join(PROPERTIES)}")
        uuid(self.service), uuid(self.uuid)
        try:
            bytes.fromhex(self.value)
        except ValueError:
            raise ValueError(f"value must be bytes in hexadecimal, not {self.value!r}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peripheral:
    """`[[peripheral]]`: a device that a simulated radio hears.

    Attributes:
        name: What it is called.
        address: `aa:bb:cc:dd:ee:ff`, of the random kind.
        rssi: How loud it is, in dBm.
        manufacturer: Number of its maker, and data in hexadecimal.
        characteristic: What it serves; the services of these are in what it says.
    """

    name: str
    address: str
    rssi: int = -60
    manufacturer: list[Any] = field(default_factory=list)
    characteristic: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", self.address) is None:
            raise ValueError(f"address must be like d0:00:00:00:00:01, not {self.address!r}")
        if self.manufacturer:
            try:
                number, data = self.manufacturer
                number.to_bytes(2, "little"), bytes.fromhex(data)
            except (AttributeError, TypeError, ValueError, OverflowError):
                raise ValueError('manufacturer must be [number, "hexadecimal"]') from None


def uuid(value: str | int) -> bytes:
    """A UUID as it is on the air.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int) and 0 <= value <= 0xFFFF:
        return value.to_bytes(2, "little")
    if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        return bytes.fromhex(value.replace("-", ""))[::-1]
    raise ValueError(f"{value!r} is no UUID: a number of 16 bits, or text of 128")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A board's file.

    Attributes:
        board: `sim` or `linux`.
        gpiochip: Whose lines are the pins: `/dev/gpiochip0`.
        pin: Names that the script uses to numbers of lines.
        i2c, spi, uart: What the script calls a bus to its device: `0 = "/dev/i2c-1"`, `1 = "/dev/spidev0.0"`; "soft" is
            the one on pins of the script's own.
        pwm: Pin to `pwmchip0/0`.
        adc: Pin or channel to `iio:device0/in_voltage0`.
        dht: Pin to `iio:device1`, for the kernel's dht11.
        pixels: Pin to the SPI device whose MOSI it is.
        bluetooth: BlueZ's adapter, `hci0`; without it, the first that is switched on.
        watchdog: `/dev/watchdog`; without it, the script alone begins again.
        wires: Of a simulated board: pairs of pins.
        chip: Of a simulated board: what is on its buses.
        networks: Of a simulated board: name of a wireless network to its password.
        peripheral: Of a simulated board: what its radio of Bluetooth hears.
    """

    board: str = "sim"
    gpiochip: str = "/dev/gpiochip0"
    pin: dict[str, Any] = field(default_factory=dict)
    i2c: dict[str, Any] = field(default_factory=dict)
    spi: dict[str, Any] = field(default_factory=dict)
    uart: dict[str, Any] = field(default_factory=dict)
    pwm: dict[str, Any] = field(default_factory=dict)
    adc: dict[str, Any] = field(default_factory=dict)
    dht: dict[str, Any] = field(default_factory=dict)
    pixels: dict[str, Any] = field(default_factory=dict)
    watchdog: str = ""
    bluetooth: str = ""
    wires: list[Any] = field(default_factory=list)
    chip: list[Any] = field(default_factory=list)
    networks: dict[str, Any] = field(default_factory=dict)
    peripheral: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.board not in ("sim", "linux"):
            raise ValueError(f'board must be "sim" or "linux", not {self.board!r}')
        for wire in self.wires:
            if not isinstance(wire, list) or len(wire) != 2:
                raise ValueError(f"wires: a wire is two pins, not {wire!r}")
        for name, line in self.pin.items():
            if type(line) is not int:
                raise ValueError(f"pin.{name} must be the number of a line, not {line!r}")
        for table in _TABLES:
            for name, place in getattr(self, table).items():
                if not isinstance(place, str):
                    raise ValueError(f"{table}.{name} must be the name of a device in quotes, not {place!r}")


def load(path: Path, kind: str | None = None) -> Settings:
    """Reads a board's file.

    Args:
        kind: What the board is whatever the file says: `sim` or `linux`.

    Raises:
        NotFoundError: there is none.
        InvalidError: it cannot be read, is no TOML, or says what no board knows, or what only the other kind does.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"there is no configuration {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(str(error), where=str(path)) from error
    settings = read(Settings, table, f"{path}: ")
    settings = replace(settings, board=kind or settings.board)
    _check(table, settings.board, str(path))
    return settings


def _check(table: Mapping[str, Any], kind: str, path: str) -> None:
    """That nothing is in it which this kind of board would leave aside.

    Raises:
        InvalidError: a key is the other kind's.
    """
    (other,) = KEYS.keys() - {kind}
    if wrong := [key for key in KEYS[other] if key in table]:
        what = {"sim": "a simulated board", "linux": "a Linux board"}
        raise InvalidError(
            f'only {what[other]} has this, and this is {what[kind]}: write board = "{other}" (or give '
            f"--board {other}), or take the key away",
            where=f"{path}: {wrong[0]}",
        )


def chips(settings: Settings, where: str) -> list[Chip]:
    """What `[[chip]]` says.

    Raises:
        InvalidError: a key is wrong.
    """
    return [read(Chip, each, f"{where}: chip[{i}]") for i, each in enumerate(settings.chip)]


def peripherals(settings: Settings, where: str) -> list[tuple[Peripheral, list[Characteristic]]]:
    """What `[[peripheral]]` says, each with its characteristics.

    Raises:
        InvalidError: a key is wrong.
    """
    found = []
    for i, each in enumerate(settings.peripheral):
        place = f"{where}: peripheral[{i}]"
        peripheral = read(Peripheral, each, place)
        inside = [
            read(Characteristic, one, f"{place}.characteristic[{j}]") for j, one in enumerate(peripheral.characteristic)
        ]
        found.append((peripheral, inside))
    return found
