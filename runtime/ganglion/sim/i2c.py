# SPDX-License-Identifier: GPL-3.0-or-later
"""An I2C bus in memory with `machine.I2C`'s methods; what answers on it are device models."""

import errno
from typing import Protocol


class Device(Protocol):
    """What sits at one address (I2C-bus specification UM10204, section 3.1). OSError from a method is a NACK."""

    def write(self, data: bytes) -> None:
        """One write transfer, without the address byte."""
        ...

    def read(self, count: int) -> bytes:
        """One read transfer, from where the last transfer left the device's register pointer."""
        ...


class SimulatedI2C:
    """A bus with its devices; an address without one is not acknowledged (OSError ENODEV, as on MicroPython)."""

    def __init__(self, devices: dict[int, Device]) -> None:
        for address in devices:
            if not 0x08 <= address <= 0x77:  # the rest is reserved, UM10204 section 3.1.12
                raise ValueError(f"I2C address 0x{address:02x} is outside 0x08 to 0x77")
        self._devices = dict(devices)

    def scan(self) -> list[int]:
        found = []
        for address in sorted(self._devices):
            try:
                self.writeto(address, b"")
            except OSError:
                continue
            found.append(address)
        return found

    def readfrom(self, addr: int, nbytes: int, stop: bool = True) -> bytes:
        return self._at(addr).read(nbytes)

    def writeto(self, addr: int, buf: bytes, stop: bool = True) -> int:
        self._at(addr).write(bytes(buf))
        return len(buf)

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        self.writeto(addr, bytes([memaddr]), False)
        return self.readfrom(addr, nbytes)

    def writeto_mem(self, addr: int, memaddr: int, buf: bytes) -> None:
        self.writeto(addr, bytes([memaddr]) + bytes(buf))

    def _at(self, address: int) -> Device:
        try:
            return self._devices[address]
        except KeyError:
            raise OSError(errno.ENODEV, f"nothing acknowledges address 0x{address:02x}") from None
