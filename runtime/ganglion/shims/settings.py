# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a board, in TOML: which pins, buses and chips it has."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, NotFoundError
from ganglion.settings import read


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
        watchdog: `/dev/watchdog`; without it, the script alone begins again.
        wires: Of a simulated board: pairs of pins.
        chip: Of a simulated board: what is on its buses.
        networks: Of a simulated board: name of a wireless network to its password.
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
    wires: list[Any] = field(default_factory=list)
    chip: list[Any] = field(default_factory=list)
    networks: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.board not in ("sim", "linux"):
            raise ValueError(f'board must be "sim" or "linux", not {self.board!r}')
        for wire in self.wires:
            if not isinstance(wire, list) or len(wire) != 2:
                raise ValueError(f"wires: a wire is two pins, not {wire!r}")


def load(path: Path) -> Settings:
    """Reads a board's file.

    Raises:
        NotFoundError: there is none.
        InvalidError: it is no TOML, or says what no board knows.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"there is no configuration {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidError(str(error), where=str(path)) from error
    return read(Settings, table, f"{path}: ")


def chips(settings: Settings, where: str) -> list[Chip]:
    """What `[[chip]]` says.

    Raises:
        InvalidError: a key is wrong.
    """
    return [read(Chip, each, f"{where}: chip[{i}]") for i, each in enumerate(settings.chip)]
