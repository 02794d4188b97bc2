# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `ds18b20`: Maxim's thermometer on a 1-Wire bus of Linux, or a simulated one.

The kernel converts when a file of the chip is read (Documentation/w1/slaves/w1_therm); the parser takes its text.
"""

import errno
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError
from ganglion.linux.device import W1
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field, nearest
from ganglion_micro.drivers.ds18b20 import DS18B20, check

_CHIP = re.compile(r"28-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ds18b20Section(Section):
    """`[sensor.<name>]` with `kind = "ds18b20"`.

    Attributes:
        bus: `w1` for the kernel's, or `sim` for a simulated chip.
        id: The chip's name under `/sys/bus/w1/devices`, for example `28-0316a279b3ff`; it may be left out while there
            is only one.
        every: From conversion to conversion; one takes 750 ms.
        root: What stands before `/sys`.
    """

    bus: str = "w1"
    id: str | None = None
    every: int = duration_field("10s")
    root: str = "/"

    def __post_init__(self) -> None:
        if self.bus not in ("w1", "sim"):
            raise ValueError(f"bus must be w1 or sim, not {self.bus!r}")
        if self.id is not None and not _CHIP.fullmatch(self.id):
            raise ValueError(f"id must be 28- and 12 digits of 0-9 and a-f, not {self.id!r}")
        if self.every < 1_000_000_000:
            raise ValueError("every must be 1s or more: a conversion takes 750 ms")


SECTION = Ds18b20Section


def source(section: Ds18b20Section, place: Place) -> Source:
    """The chip; the kernel may find it later."""
    section = replace(section, root=place.folder("root", section.root))
    return _Simulated(section, place) if section.bus == "sim" else _Chip(section)


def find(section: Ds18b20Section) -> Path:
    """The chip's folder.

    Raises:
        InvalidError: no id is given, and there is more than one chip.
        NotFoundError: this machine has no 1-Wire bus, or the chip is not on it.
    """
    folder = Path(section.root) / "sys/bus/w1/devices"
    if not folder.is_dir():
        raise NotFoundError(f"{folder} does not exist: {W1.remedy}")
    found = sorted(path.name for path in folder.iterdir() if _CHIP.fullmatch(path.name))
    if section.id in found:
        return folder / section.id
    if section.id is not None:
        raise NotFoundError(f"id: there is no {section.id} below {folder}{nearest(section.id, found)}")
    if not found:
        raise NotFoundError(f"there is no DS18B20 below {folder}: look at its wiring")
    if len(found) > 1:
        raise InvalidError(f"which of {', '.join(found)}?", where="id")
    return folder / found[0]


def parse_w1_slave(text: str) -> float:
    """Degrees from the text of `w1_slave`: the chip's nine bytes, whether their CRC is right, thousandths of a degree.

    Raises:
        OSError: ENODEV, the text is empty, as it is when nothing answers; EIO, the CRC is wrong or the bus held low.
        ValueError: the text is no such.
    """
    if not text.strip():
        raise OSError(errno.ENODEV, "the chip does not answer")
    form = r"((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)\n(?:[0-9a-f]{2} ){9}t=(-?\d+)\s*"
    if not (found := re.fullmatch(form, text)):
        raise ValueError(f"w1_slave reads {text[:80]!r}")
    if found[2] == "NO":
        raise OSError(errno.EIO, "the CRC is wrong: look at the wiring and the pull-up")
    if not any(bytes.fromhex(found[1])):  # whose CRC is right
        raise OSError(errno.EIO, "the 1-Wire bus is held low")
    return int(found[3]) / 1000


class _Chip(Source):
    branch = "signal.input.external.environment"
    channels = DS18B20.channels

    def __init__(self, section: Ds18b20Section) -> None:
        self.every = section.every
        self._section = section
        self._before: float | None = None

    def open(self) -> None:
        self._folder = find(self._section)

    def sample(self) -> Mapping[str, Value]:
        celsius = self._read()
        check(celsius, self._before)
        self._before = celsius
        return {"temperature": celsius}

    def _read(self) -> float:
        try:
            return parse_w1_slave((self._folder / "w1_slave").read_text())
        except FileNotFoundError:
            pass  # older and newer kernels have one or both
        text = (self._folder / "temperature").read_text()
        if not text.strip():
            raise OSError(errno.ENODEV, "the chip does not answer")
        return int(text) / 1000


class _Simulated(Source):
    branch = _Chip.branch
    channels = DS18B20.channels
    simulated = True

    def __init__(self, section: Ds18b20Section, place: Place) -> None:
        from ganglion.sim.ds18b20 import ChipModel

        self.every = section.every
        self.model = ChipModel(now=place.now)
        self._chip: DS18B20 | None = None

    def open(self) -> None:
        from ganglion.sim.one_wire import SimulatedOneWire

        self._chip = DS18B20(SimulatedOneWire([self.model]), self.model.rom)

    def sample(self) -> Mapping[str, Value]:
        assert self._chip is not None
        time.sleep(self._chip.start() / 1000)
        return self._chip.sample()

    def set(self, channel: str, value: Value | None) -> None:
        if isinstance(value, bool | str):
            raise ValueError("must be a number")
        self.model.set(value)
