# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.I2C` and `machine.SoftI2C`."""

import errno
from collections.abc import Iterable
from typing import Any, NoReturn

from ganglion.shims import board
from ganglion.shims.buffers import readable, writable
from ganglion.shims.oserror import oserror

#: How Linux says that nothing acknowledged.
_SILENT = (errno.ENXIO, errno.EREMOTEIO, errno.ENODEV)


class I2C:
    """A bus of the board's.

    Args:
        id: What the board calls it; -1, or none, for one on pins of the script's own.
        scl, sda, freq, timeout: Taken as given: the board knows its wires and the kernel its clock.

    Raises:
        ValueError, OSError: the board has no such bus.
    """

    def __init__(self, id: Any = -1, *, scl: Any = None, sda: Any = None, freq: int = 400_000, timeout: int = 50_000):
        self._id = id
        self._bus = board.current().i2c(id)

    def init(self, *arguments: Any, **options: Any) -> None:
        """As when it was made."""

    def deinit(self) -> None:
        """Nothing to give back."""

    def scan(self) -> list[int]:
        """Addresses from 0x08 to 0x77 that answer."""
        return self._bus.scan()

    def readfrom(self, addr: int, nbytes: int, stop: bool = True) -> bytes:
        """Bytes of a device.

        Raises:
            OSError: ENODEV, nothing acknowledged the address.
        """
        try:
            return self._bus.readfrom(addr, nbytes, stop)
        except OSError as error:
            _raise(error)

    def readfrom_into(self, addr: int, buf: Any, stop: bool = True) -> None:
        view = writable(buf)
        view[:] = self.readfrom(addr, len(view), stop)

    def writeto(self, addr: int, buf: Any, stop: bool = True) -> int:
        """How many bytes were acknowledged.

        Raises:
            OSError: ENODEV, nothing acknowledged the address.
        """
        try:
            return self._bus.writeto(addr, readable(buf), stop)
        except OSError as error:
            _raise(error)

    def writevto(self, addr: int, vector: Iterable[Any], stop: bool = True) -> int:
        """Several buffers as one transfer."""
        return self.writeto(addr, b"".join(readable(each) for each in vector), stop)

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int, *, addrsize: int = 8) -> bytes:
        """Bytes from a register on, whose number has so many bits."""
        self.writeto(addr, _register(memaddr, addrsize), False)
        return self.readfrom(addr, nbytes)

    def readfrom_mem_into(self, addr: int, memaddr: int, buf: Any, *, addrsize: int = 8) -> None:
        view = writable(buf)
        view[:] = self.readfrom_mem(addr, memaddr, len(view), addrsize=addrsize)

    def writeto_mem(self, addr: int, memaddr: int, buf: Any, *, addrsize: int = 8) -> None:
        self.writeto(addr, _register(memaddr, addrsize) + readable(buf))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._id})"


class SoftI2C(I2C):
    """A bus on two pins: what the board has under -1."""

    def __init__(self, scl: Any, sda: Any, *, freq: int = 400_000, timeout: int = 50_000) -> None:
        super().__init__(-1, scl=scl, sda=sda)


def _register(memaddr: int, addrsize: int) -> bytes:
    if addrsize % 8 or not 0 <= addrsize <= 32:
        raise ValueError("invalid addrsize")
    return (memaddr & ((1 << addrsize) - 1)).to_bytes(addrsize // 8, "big")


def _raise(error: OSError) -> NoReturn:
    raise oserror(errno.ENODEV if error.errno in _SILENT else error.errno) from error
