# SPDX-License-Identifier: GPL-3.0-or-later
"""A chip of nothing but registers, for `ganglion.sim.i2c`: the first bytes written are the address that follows on."""


class Registers:
    """Memory behind an address pointer, as an EEPROM has it.

    Args:
        size: Bytes, a power of two.
        address_bytes: Length of the pointer, most significant byte first.
    """

    def __init__(self, size: int = 256, address_bytes: int = 1) -> None:
        self.memory = bytearray(size)
        self._address_bytes = address_bytes
        self._pointer = 0

    def write(self, data: bytes) -> None:
        if len(data) >= self._address_bytes:
            self._pointer = int.from_bytes(data[: self._address_bytes], "big") % len(self.memory)
        for byte in data[self._address_bytes :]:
            self.memory[self._pointer] = byte
            self._advance()

    def read(self, count: int) -> bytes:
        out = bytearray()
        for _ in range(count):
            out.append(self.memory[self._pointer])
            self._advance()
        return bytes(out)

    def _advance(self) -> None:
        self._pointer = (self._pointer + 1) % len(self.memory)
