# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux's I2C adapters with `machine.I2C`'s methods, by smbus2."""

import contextlib
import errno
import re
import threading
from typing import TYPE_CHECKING

from ganglion.linux.device import I2C, refusal

if TYPE_CHECKING:
    from smbus2 import i2c_msg


class LinuxI2C:
    """`/dev/i2c-N`. Every transfer is one I2C_RDWR (kernel: Documentation/i2c/dev-interface), so that a register is
    addressed and read without another master, process or thread in between: the kernel lets one transfer at a time
    onto an adapter, whoever has it open. Several chips on one adapter need nothing more, nor do several threads.

    Raises:
        OSError: the device node cannot be opened; from a transfer, ENXIO or EREMOTEIO when nothing acknowledges.
        ImportError: smbus2 is not installed.
    """

    def __init__(self, path: str) -> None:
        import smbus2

        self._path = path
        self._message = smbus2.i2c_msg
        try:
            self._bus = smbus2.SMBus(path)
        except OSError as error:
            raise OSError(error.errno, refusal(path, error.errno, error.strerror or str(error), kind=I2C)) from error
        self._held = _Held()

    def close(self) -> None:
        self._bus.close()

    def scan(self) -> list[int]:
        return [address for address in range(0x08, 0x78) if self._answers(address)]

    def _answers(self, address: int) -> bool:
        """To a write of nothing, or to a read: not every adapter can do the one, nor every chip the other."""
        for message in (self._message.write(address, b""), self._message.read(address, 1)):
            with contextlib.suppress(OSError):
                self._transfer(message)
                return True
        return False

    def readfrom(self, addr: int, nbytes: int, stop: bool = True) -> bytes:
        message = self._message.read(addr, nbytes)
        self._transfer(message)
        return bytes(message)

    def writeto(self, addr: int, buf: bytes, stop: bool = True) -> int:
        message = self._message.write(addr, buf)
        if stop:
            self._transfer(message)
        else:
            # Linux ends a transfer with a stop: the message waits for the one that follows its repeated start
            self._held.messages.append(message)
        return len(buf)

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        self.writeto(addr, bytes([memaddr]), False)
        return self.readfrom(addr, nbytes)

    def writeto_mem(self, addr: int, memaddr: int, buf: bytes) -> None:
        self.writeto(addr, bytes([memaddr]) + bytes(buf))

    def _transfer(self, message: "i2c_msg") -> None:
        messages, self._held.messages = [*self._held.messages, message], []
        try:
            self._bus.i2c_rdwr(*messages)
        except OSError as error:
            raise OSError(error.errno, self._refusal(error, message.addr)) from error

    def _refusal(self, error: OSError, address: int) -> str:
        """Why a transfer failed, in words."""
        match error.errno:
            case errno.ENXIO | errno.EREMOTEIO:
                found = re.search(r"\d+$", self._path)
                shown = f" (`i2cdetect -y {found[0]}` shows who answers)" if found else ""
                return (
                    f"nothing answers at 0x{address:02x} on {self._path}: look at the wiring, the power and the "
                    f"address{shown}"
                )
            case errno.ETIMEDOUT:
                return f"{self._path} hangs: are SDA and SCL wired, pulled up, and held low by no chip?"
            case errno.ENOTTY:
                return f"{self._path} is no I2C adapter; `ganglion doctor` says which there are"
        return refusal(self._path, error.errno, error.strerror or str(error), kind=I2C)


class _Held(threading.local):
    """What waits for a repeated start: each thread's own, for it goes with that thread's next transfer."""

    def __init__(self) -> None:
        self.messages: list[i2c_msg] = []
