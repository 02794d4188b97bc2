# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be written for an actuator to have a value, said so that another process can write it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWrite:
    """All that is in the file `path` then."""

    path: str
    data: bytes

    @property
    def words(self) -> tuple[str, ...]:
        """As ganglion-watchdog takes it."""
        return "file", self.path, self.data.hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class I2cWrite:
    """One message to the chip at `address` (7 bits) on the adapter `device`."""

    device: str
    address: int
    data: bytes

    @property
    def words(self) -> tuple[str, ...]:
        """As ganglion-watchdog takes it."""
        return "i2c", self.device, str(self.address), self.data.hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class PinWrite:
    """The pins of a port that has one byte for all of them: those in the mask `pins` get `levels`, the others stay."""

    device: str
    address: int
    pins: int
    levels: int

    @property
    def words(self) -> tuple[str, ...]:
        """As ganglion-watchdog takes it: pins that stay are read first."""
        if self.pins == 0xFF:
            return "i2c", self.device, str(self.address), f"{self.levels:02x}"
        return "pins", self.device, str(self.address), f"{self.pins:02x}{self.levels:02x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWrite:
    """A GPIO line, requested through `fd`, gets `active`."""

    fd: int
    active: bool

    @property
    def words(self) -> tuple[str, ...]:
        """As ganglion-watchdog takes it."""
        return "gpio", str(self.fd), str(int(self.active))


Raw = FileWrite | I2cWrite | PinWrite | LineWrite


def joined(writes: Iterable[Raw]) -> list[Raw]:
    """The same in the same order, where a pin is written with those of its port that were written before it.

    So none is undone, the last write of a port has no pin left to read, and what follows at once on the same port is
    one write. Pins that are nobody's are let go.
    """
    writes = list(writes)
    ports: dict[tuple[str, int], PinWrite] = {}
    for write in writes:
        if isinstance(write, PinWrite):
            key = (write.device, write.address)
            free = ports[key].pins if key in ports else 0xFF
            free &= ~write.pins
            ports[key] = PinWrite(device=write.device, address=write.address, pins=free, levels=free)
    found: list[Raw] = []
    for write in writes:
        if not isinstance(write, PinWrite):
            found.append(write)
            continue
        key = (write.device, write.address)
        levels = ports[key].levels & ~write.pins | write.levels & write.pins
        ports[key] = replace(write, pins=ports[key].pins | write.pins, levels=levels)
        last = found[-1] if found else None
        if isinstance(last, PinWrite) and (last.device, last.address) == key:
            found.pop()
        found.append(ports[key])
    return found
