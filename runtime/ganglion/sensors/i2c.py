# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux's I2C adapters with `machine.I2C`'s methods, by smbus2."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smbus2 import i2c_msg


class LinuxI2C:
    """`/dev/i2c-N`. Every transfer is one I2C_RDWR (kernel: Documentation/i2c/dev-interface), so that a register is
    addressed and read without another master or process in between.

    Raises:
        OSError: the device node cannot be opened; from a transfer, ENXIO or EREMOTEIO when nothing acknowledges.
        ImportError: smbus2 is not installed.
    """

    def __init__(self, path: str) -> None:
        import smbus2

        self._message = smbus2.i2c_msg
        self._bus = smbus2.SMBus(path)
        self._held: list[i2c_msg] = []

    def close(self) -> None:
        self._bus.close()

    def scan(self) -> list[int]:
        found = []
        for address in range(0x08, 0x78):
            try:
                self.readfrom(address, 1)
            except OSError:
                continue
            found.append(address)
        return found

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
            self._held.append(message)
        return len(buf)

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        self.writeto(addr, bytes([memaddr]), False)
        return self.readfrom(addr, nbytes)

    def writeto_mem(self, addr: int, memaddr: int, buf: bytes) -> None:
        self.writeto(addr, bytes([memaddr]) + bytes(buf))

    def _transfer(self, message: "i2c_msg") -> None:
        messages, self._held = [*self._held, message], []
        self._bus.i2c_rdwr(*messages)
