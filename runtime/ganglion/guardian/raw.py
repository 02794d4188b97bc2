# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be written for an actuator to have a value, said so that another process can write it."""

from collections.abc import Iterable
from dataclasses import dataclass


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
    """One message to the chip at `address` (7 bits) on the adapter `device`.

    Attributes:
        mask: Where the chip takes all its pins in one byte: which of them this one means; 0 where the message is whole.
    """

    device: str
    address: int
    data: bytes
    mask: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        """As ganglion-watchdog takes it."""
        return "i2c", self.device, str(self.address), self.data.hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWrite:
    """A GPIO line, requested through `fd`, gets `active`."""

    fd: int
    active: bool

    @property
    def words(self) -> tuple[str, ...]:
        """As ganglion-watchdog takes it."""
        return "gpio", str(self.fd), str(int(self.active))


Raw = FileWrite | I2cWrite | LineWrite


def joined(writes: Iterable[Raw]) -> list[Raw]:
    """The same, where pins of one byte are written together, in the place of the first: none undoes another."""
    found: list[Raw] = []
    ports: dict[tuple[str, int], int] = {}
    for write in writes:
        if not isinstance(write, I2cWrite) or not write.mask:
            found.append(write)
            continue
        port = (write.device, write.address)
        if port not in ports:
            ports[port] = len(found)
            found.append(I2cWrite(device=write.device, address=write.address, data=b"\xff"))
        both = found[ports[port]]
        assert isinstance(both, I2cWrite)
        byte = both.data[0] & ~write.mask | write.data[0] & write.mask
        found[ports[port]] = I2cWrite(device=write.device, address=write.address, data=bytes([byte]))
    return found
