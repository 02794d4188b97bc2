# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `dht22`: Aosong's DHT22 by the kernel's driver dht11, which times the pulses, or a simulated chip."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ganglion.sensors.iio import device, number
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field
from ganglion_micro.drivers.dht22 import DHT22

PERIOD = 2_000_000_000  # ns: the chip measures no faster
_REMEDY = "load its driver (Raspberry Pi: dtoverlay=dht11,gpiopin=4 in config.txt, then restart)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dht22Section(Section):
    """`[sensor.<name>]` with `kind = "dht22"`.

    Attributes:
        bus: `iio` for the kernel's driver, or `sim` for a simulated chip.
        device: Of several: `iio:deviceN`, or what its file `name` says.
        every: From sample to sample, 2s or more.
        root: What stands before `/sys`.
    """

    bus: str = "iio"
    device: str = "dht11"
    every: int = duration_field("10s")
    root: str = "/"

    def __post_init__(self) -> None:
        if self.bus not in ("iio", "sim"):
            raise ValueError(f"bus must be iio or sim, not {self.bus!r}")
        if self.every < PERIOD:
            raise ValueError("every must be 2s or more: the chip measures no faster")


SECTION = Dht22Section


def source(section: Dht22Section, place: Place) -> Source:
    """The chip; the kernel may find it later."""
    section = replace(section, root=place.folder("root", section.root))
    return _Simulated(section, place) if section.bus == "sim" else _Chip(section)


class _Chip(Source):
    branch = "signal.input.external.environment"
    channels = DHT22.channels

    def __init__(self, section: Dht22Section) -> None:
        self.every = section.every
        self._section = section

    def open(self) -> None:
        self._folder = device(Path(self._section.root), self._section.device, remedy=_REMEDY)

    def sample(self) -> Mapping[str, Value]:
        # The driver reads the chip for the first file and keeps what it read for two seconds
        return {
            "temperature": number(self._folder / "in_temp_input") / 1000,
            "humidity": number(self._folder / "in_humidityrelative_input") / 1000,
        }


class _Simulated(Source):
    branch = _Chip.branch
    channels = DHT22.channels
    simulated = True

    def __init__(self, section: Dht22Section, place: Place) -> None:
        from ganglion.sim.dht22 import ChipModel

        self.every = section.every
        self.model = ChipModel(now=place.now)
        self._chip = DHT22(self.model.readinto, None)
        self._now = place.now
        self._read: tuple[int, Mapping[str, Value]] | None = None

    def sample(self) -> Mapping[str, Value]:
        # As the kernel's driver does: who asks again within two seconds is told the same
        if self._read is None or self._now() - self._read[0] >= PERIOD:
            self._read = (self._now(), self._chip.sample())
        return self._read[1]

    def set(self, channel: str, value: Value | None) -> None:
        if isinstance(value, bool | str):
            raise ValueError("must be a number")
        self.model.set(**{{"temperature": "celsius", "humidity": "percent"}[channel]: value})
