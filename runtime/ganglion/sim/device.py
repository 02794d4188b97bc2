# SPDX-License-Identifier: GPL-3.0-or-later
"""What simulated chips on a bus have in common: how they fail."""

import errno
from enum import Enum


class Fault(Enum):
    """What can be wrong with a chip.

    NACK: it does not acknowledge its address. STUCK: the data line stays high, so all that is read is 0xFF. STUCK_LOW:
    it stays low, and all is 0x00. SHORT: a read ends one byte early. CORRUPT: a bit is turned on the way. BUSY: what it
    measures is never ready.
    """

    NACK = "nack"
    STUCK = "stuck"
    STUCK_LOW = "stuck low"
    SHORT = "short"
    CORRUPT = "corrupt"
    BUSY = "busy"


class Peripheral:
    """A device for `SimulatedI2C` that can fail; `_take` and `_give` are the chip's own.

    Attributes:
        fault: What is wrong with it now.
    """

    def __init__(self) -> None:
        self.fault: Fault | None = None

    def write(self, data: bytes) -> None:
        """One write transfer. OSError ENODEV when the chip does not acknowledge."""
        if self.fault is Fault.NACK:
            raise nack()
        self._take(data)

    def read(self, count: int) -> bytes:
        """One read transfer. OSError ENODEV when the chip does not acknowledge."""
        if self.fault is Fault.NACK:
            raise nack()
        if self.fault in (Fault.STUCK, Fault.STUCK_LOW):
            return (b"\xff" if self.fault is Fault.STUCK else b"\x00") * count
        data = self._give(count)
        if self.fault is Fault.CORRUPT:
            return data[:-1] + bytes(byte ^ 0x10 for byte in data[-1:])
        return data[:-1] if self.fault is Fault.SHORT else data

    def _take(self, data: bytes) -> None:
        raise NotImplementedError

    def _give(self, count: int) -> bytes:
        raise NotImplementedError


def nack() -> OSError:
    """What a bus raises when its device does not acknowledge."""
    return OSError(errno.ENODEV, "the chip does not acknowledge")
