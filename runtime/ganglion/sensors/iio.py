# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `iio`: a channel of any converter that Linux has a driver for.

The files are those of the kernel's Documentation/ABI/testing/sysfs-bus-iio.
"""

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError
from ganglion.linux.device import IIO
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field, nearest

#: Type of a channel -> the sensor's channel, its UCUM unit, and what the ABI's unit is multiplied by.
_TYPES = {
    "voltage": ("voltage", "V", 1e-3),
    "current": ("current", "A", 1e-3),
    "power": ("power", "W", 1e-3),
    "resistance": ("resistance", "Ohm", 1.0),
    "capacitance": ("capacitance", "nF", 1.0),
    "temp": ("temperature", "Cel", 1e-3),
    "humidityrelative": ("humidity", "%", 1e-3),
    "pressure": ("pressure", "hPa", 10.0),
    "illuminance": ("illuminance", "lx", 1.0),
    "distance": ("distance", "m", 1.0),
    "accel": ("acceleration", "m/s2", 1.0),
    "anglvel": ("rotation", "rad/s", 1.0),
    "magn": ("field", "G", 1.0),
    "ph": ("acidity", "[pH]", 1.0),
}
_CHANNEL = re.compile(r"in_([a-z]+)(\d*)(-[a-z]+\d*)?(_[a-z0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class IioSection(Section):
    """`[sensor.<name>]` with `kind = "iio"`.

    Attributes:
        device: `iio:deviceN`, or what the device's file `name` says, for example `ads1015`.
        channel: For example `in_voltage0`: what stands before `_raw` or `_input`.
        every: From sample to sample.
        root: What stands before `/sys`.
    """

    device: str
    channel: str
    every: int = duration_field("1s")
    root: str = "/"

    def __post_init__(self) -> None:
        found = _CHANNEL.fullmatch(self.channel)
        if not found or found[1] not in _TYPES:
            known = ", ".join(f"in_{name}" for name in _TYPES)
            raise ValueError(f"channel must be one of {known} with its number, not {self.channel!r}")


SECTION = IioSection


def source(section: IioSection, place: Place) -> Source:
    """The channel; the kernel may find its device later."""
    return _Channel(replace(section, root=place.folder("root", section.root)))


def device(root: Path, wanted: str, *, remedy: str = IIO.remedy) -> Path:
    """The folder of the device of this name: of the folder, or of the chip as its file `name` says it.

    A chip on a bus is often `name@address`: both are its name.

    Args:
        remedy: What brings one, where there is none like it.

    Raises:
        InvalidError: there are more than one.
        NotFoundError: there is none.
    """
    names: dict[Path, set[str]] = {}
    for path in sorted((root / "sys/bus/iio/devices").glob("iio:device*")):
        said = (path / "name").read_text().strip() if (path / "name").exists() else path.name
        names[path] = {path.name, said, said.partition("@")[0]}
    found = [path for path, its in names.items() if wanted in its]
    if not found:
        known = set().union(*names.values())
        raise NotFoundError(f"Linux has no device {wanted!r} here{nearest(wanted, known) or f': {remedy}'}")
    if len(found) > 1:
        raise InvalidError(f"which of {', '.join(path.name for path in found)}?", where="device")
    return found[0]


def number(path: Path) -> float:
    """What a file of a channel says.

    Raises:
        OSError: the driver could not read the chip.
    """
    text = path.read_text()
    try:
        return float(text)
    except ValueError:
        raise OSError(errno.EIO, f"{path.name} reads {text[:40]!r}") from None


class _Channel(Source):
    def __init__(self, section: IioSection) -> None:
        found = _CHANNEL.fullmatch(section.channel)
        assert found is not None
        self.every = section.every
        self._section = section
        self._parts = found.groups()
        self._quantity, unit, self._factor = _TYPES[found[1]]
        self.channels = {self._quantity: unit}

    def open(self) -> None:
        channel = self._section.channel
        folder = device(Path(self._section.root), self._section.device)
        self._scale = self._offset = None
        self._path = folder / f"{channel}_input"
        if self._path.exists():  # in the ABI's unit already
            return
        self._path = folder / f"{channel}_raw"
        if not self._path.exists():
            found = {path.name.rpartition("_")[0] for form in ("input", "raw") for path in folder.glob(f"in_*_{form}")}
            said = f"{folder.name} has no {channel}{nearest(channel, found)}"
            raise InvalidError(said, where="channel")
        # A scale of the channel, of all with its modifier, or of all of the type: the nearest counts
        type, _, difference, modifier = self._parts
        plain = f"in_{type}" + re.sub(r"\d", "", difference or "")
        shared = dict.fromkeys((channel, plain + (modifier or ""), plain))
        self._scale = _first(folder, shared, "scale")
        self._offset = _first(folder, shared, "offset")

    def sample(self) -> Mapping[str, Value]:
        value = number(self._path)
        if self._offset is not None:
            value += number(self._offset)
        if self._scale is not None:
            value *= number(self._scale)
        return {self._quantity: value * self._factor}


def _first(folder: Path, channels: Mapping[str, None], what: str) -> Path | None:
    return next((path for name in channels if (path := folder / f"{name}_{what}").exists()), None)
